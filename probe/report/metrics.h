/* SPDX-License-Identifier: MIT */
/*
 * The numbers of guests as text: OpenMetrics 1.0 (openmetrics.io) or Prometheus' text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats), which names the families of counters
 * differently. Guests are added one at a time, and only their text is kept.
 */
#ifndef PROBE_REPORT_METRICS_H
#define PROBE_REPORT_METRICS_H

#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define METRICS_FAMILIES_MAX 32
/* Above this size of text, the services of further guests are left out and counted. */
#define METRICS_TEXT_MAX (32u << 20)

enum metrics_format {
	METRICS_OPENMETRICS,
	METRICS_PROMETHEUS,
};

struct metrics_page {
	enum metrics_format format;
	/* The samples of each family. */
	FILE *streams[METRICS_FAMILIES_MAX];
	char *texts[METRICS_FAMILIES_MAX];
	size_t lens[METRICS_FAMILIES_MAX];
	size_t bytes;     /* of services' samples so far */
	size_t cut_short; /* guests whose services were left out */
};

extern const struct question metrics_question;

void metrics_start(struct metrics_page *page, enum metrics_format format);

/*
 * Add a guest by its decoded inquiry, answered or failed. A wrong answer sets the inquiry's
 * failure. Returns true if there is an answer.
 */
bool metrics_add(struct metrics_page *page, struct inquiry *i);

/* Write the families and free the page. The caller writes OpenMetrics' "# EOF". */
void metrics_end(struct metrics_page *page, FILE *out);

/* Free the page without writing it. */
void metrics_drop(struct metrics_page *page);

/* Write the header of a family: type, unit (or NULL) and help. `name` is without "_total". */
void metrics_head(enum metrics_format format, const char *name, const char *type, const char *unit,
	const char *help, FILE *out);

#endif
