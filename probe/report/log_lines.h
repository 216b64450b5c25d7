/* SPDX-License-Identifier: MIT */
/*
 * What a service has written, put together from answers to Logs: lines with their times, and gaps.
 * Nothing between two answers is lost unless the guest itself no longer has it.
 */
#ifndef PROBE_REPORT_LOG_LINES_H
#define PROBE_REPORT_LOG_LINES_H

#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_lines;

/* A line without its end, or, with `is_gap`, the place where some are missing. */
struct log_line {
	struct text text;
	uint64_t position; /* bytes that the service has written in all, at the end of the line */
	uint64_t unix_ms;  /* when it began to come, 0: not known */
	bool is_gap;
};

struct log_lines {
	/* The caller sets these. */
	uint64_t since_ms; /* what came earlier is left out; 0: nothing */
	void (*put)(struct log_lines *l, const struct log_line *line);
	/* Where the next question goes on, once `is_asked`. */
	uint64_t position;
	bool is_asked;
	/* The latest answer, as long as its inquiry lives, without what is left out. */
	struct text text;
	bool is_cut; /* there was more in front */
	/* Its own. */
	char *begun; /* a line whose end has not come, `begun_len` bytes */
	size_t begun_len;
	uint64_t begun_ms;
};

/*
 * Read the decoded answer to Logs. Returns false with the inquiry's failure set when it has another
 * shape.
 */
bool log_lines_read(struct log_lines *l, struct inquiry *i);

/* Put all lines that have an end now. True when something came. */
bool log_lines_take(struct log_lines *l, struct inquiry *i);

/* Put what has begun as a line. */
void log_lines_flush(struct log_lines *l);

/* Where a later call has to go on so that nothing is lost: behind the last line that was put. */
uint64_t log_lines_done(const struct log_lines *l);

void log_lines_free(struct log_lines *l);

#endif
