/* SPDX-License-Identifier: MIT */
/* A report on a guest's health from IntegrationStatus, ProbeStatus and WorkerStatus. */
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
	VERDICT_PENDING, /* starting; no result yet */
	VERDICT_NONE,    /* has no check */
};

struct check {
	bool is_probe; /* false: an integration */
	enum verdict verdict;
	struct text name;
	const json_t *status; /* of an integration, any JSON; NULL for a probe */
	bool has_health;      /* the next two are set */
	struct text detail, checked_at;
	const json_t *output;             /* of a probe, any JSON; or NULL */
	const json_t *last_checkpoint_at; /* of an integration; or NULL */
	uint64_t state_size_bytes;
};

struct report {
	struct text worker_status, last_busy_at; /* the second is "" for never */
	struct check *checks; /* integrations, then probes, in the agent's order */
	size_t count;
	size_t total, healthy; /* of those with a check */
};

/* The questions for a report: integrations, probes, worker. */
extern const struct question health_questions[3];

enum {
	HEALTH_CHECKS = 2,  /* the first two questions are enough for health */
	HEALTH_DETAILS = 3, /* all three */
};

/*
 * Make a report from an inquiry's answers to the first two questions, or all three. The report
 * refers to the inquiry's memory. False if the inquiry failed, or fails now because an answer has
 * the wrong shape. health_free() frees the report in every case.
 */
bool health_report(struct inquiry *i, struct report *r);

void health_free(struct report *r);

/* True if every check is healthy. */
bool health_is_good(const struct report *r);

/* One word for a verdict: "healthy", "unhealthy", "pending", "-". */
const char *health_word(enum verdict v);

/* Append "2/3 healthy: db, mail" (the unhealthy ones), at most `max` columns, safe to show. */
void health_summary(const struct report *r, struct buf *out, size_t max);

#endif
