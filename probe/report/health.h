/* SPDX-License-Identifier: MIT */
/* What IntegrationStatus, ProbeStatus and WorkerStatus say about a guest, as one report. */
#ifndef PROBE_REPORT_HEALTH_H
#define PROBE_REPORT_HEALTH_H

#include "probe/wire/answer.h"
#include "probe/wire/inquiry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
	VERDICT_HEALTHY,
	VERDICT_UNHEALTHY,
	VERDICT_PENDING, /* starting, and not checked yet */
	VERDICT_NONE,    /* nothing checks it */
};

struct check {
	bool is_probe; /* a probe, or else an integration */
	enum verdict verdict;
	struct text name;
	const json_t *status; /* an integration's, whatever it is; NULL for a probe */
	bool has_health;      /* the next two are there */
	struct text detail, checked_at;
	const json_t *output;             /* a probe's, any JSON; or NULL */
	const json_t *last_checkpoint_at; /* an integration's; or NULL */
	uint64_t state_size_bytes;
};

struct report {
	struct text worker_status, last_busy_at; /* the second "" when never */
	struct check *checks; /* integrations, then probes, in the agent's order */
	size_t count;
	size_t total, healthy; /* of those that are checked */
};

/* The questions that a report is made of: integrations, probes, worker. */
extern const struct question health_questions[3];

enum {
	HEALTH_CHECKS = 2,  /* the first two questions are enough for health */
	HEALTH_DETAILS = 3, /* all three */
};

/*
 * Make a report of an inquiry's answers (the first two of the questions, or all three). It refers
 * to the inquiry's memory. False when the inquiry has failed, or fails now because an answer has
 * not the shape that it must have. health_free() frees the report in every case.
 */
bool health_report(struct inquiry *i, struct report *r);

void health_free(struct report *r);

/* Is every check that there is healthy? */
bool health_is_good(const struct report *r);

/* One word for a verdict: "healthy", "unhealthy", "pending", "-". */
const char *health_word(enum verdict v);

/* Append "2/3 healthy: db, mail" (names that are not), at most `max` columns; safe to show. */
void health_summary(const struct report *r, struct buf *out, size_t max);

#endif
