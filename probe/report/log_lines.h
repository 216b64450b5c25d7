/* SPDX-License-Identifier: MIT */
/*
 * The output of a service, joined from answers to Logs: lines with their times, and gaps. No output
 * between two answers is lost unless the guest itself has dropped it.
 */
#ifndef PROBE_REPORT_LOG_LINES_H
#define PROBE_REPORT_LOG_LINES_H

#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_lines;

/* A line without its newline, or, with `is_gap`, the place where output is missing. */
struct log_line {
	struct text text;
	uint64_t position; /* total bytes of the service up to the end of the line */
	uint64_t unix_ms;  /* when its first byte was written; 0: not known */
	bool is_gap;
};

struct log_lines {
	/* The caller sets these. */
	uint64_t since_ms; /* older output is left out; 0: keep all */
	void (*put)(struct log_lines *l, const struct log_line *line);
	/* Where the next request continues, once `is_asked`. */
	uint64_t position;
	bool is_asked;
	/* The latest answer without the omitted part; valid as long as its inquiry. */
	struct text text;
	bool is_cut; /* output before it is missing */
	/* Private. */
	char *begun; /* an incomplete line, `begun_len` bytes */
	size_t begun_len;
	uint64_t begun_ms;
};

/*
 * Read the decoded answer to Logs. Returns false, with the inquiry's failure set, if the answer is
 * malformed.
 */
bool log_lines_read(struct log_lines *l, struct inquiry *i);

/* Put all complete lines. True if the answer had output. */
bool log_lines_take(struct log_lines *l, struct inquiry *i);

/* Put the incomplete line as a line. */
void log_lines_flush(struct log_lines *l);

/* The position after the last line that was put; a later call that starts there loses nothing. */
uint64_t log_lines_done(const struct log_lines *l);

void log_lines_free(struct log_lines *l);

#endif
