/* SPDX-License-Identifier: MIT */
#include "agent/requests/health_report.h"

#include "base/clock.h"
#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/messages.h"
#include "protocol/utf8.h"

#include <string.h>

#define ENTRY_FIXED    240  /* most bytes of an entry besides its name, details and output */
#define DETAIL_CUT_MAX 1024 /* most bytes of a cut detail */

/* Limits of an entry's texts, from generous to tight. The last ones always fit a frame. */
struct limits {
	size_t detail, output; /* bytes */
};

static const struct limits steps[] = {
	{ SIZE_MAX, SIZE_MAX },
	{ DETAIL_CUT_MAX, 4096 },
	{ 256, 1024 },
	{ 64, 256 },
	{ 0, 0 },
};

_Static_assert(DEFINITIONS_MAX *(ENTRY_FIXED + 6 * DEFINITION_NAME_MAX) + 256 <= PROTOCOL_BODY_MAX,
	"a report without details and outputs always fits");

static size_t shown_detail(const struct check_result *r, const struct limits *l)
{
	return r->detail != NULL ? utf8_cut(r->detail, strlen(r->detail), l->detail) : 0;
}

static bool shows_output(const struct check_result *r, const struct limits *l)
{
	return r->output != NULL && strlen(r->output) <= l->output;
}

/* Most bytes of a report within these limits. */
static size_t report_size(const struct monitors *m, const struct limits *l)
{
	size_t size = 256;

	for (size_t i = 0; i < m->count; i++) {
		const struct check_result *r = &m->items[i]->check.result;
		const char *name = m->items[i]->definition.name;

		size += ENTRY_FIXED + json_string_size(name, strlen(name));
		if (r->detail != NULL)
			size += 2 * json_string_size(r->detail, shown_detail(r, l));
		if (shows_output(r, l))
			size += strlen(r->output);
	}
	return size;
}

static const struct limits *choose_limits(const struct monitors *m)
{
	const struct limits *l = steps;

	while (l < steps + sizeof(steps) / sizeof(steps[0]) - 1 &&
		report_size(m, l) > PROTOCOL_BODY_MAX)
		l++;
	return l;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* For integration_at() and probe_at(): the report, and room for the current entry. */
struct entry_source {
	const struct report *report;
	const struct limits *limits;
	size_t next; /* probes: index of the next monitor */
	char detail[DETAIL_CUT_MAX + 1], checked_at[CLOCK_UTC_MAX], checkpoint_at[CLOCK_UTC_MAX];
	union {
		struct integration integration;
		struct probe_result probe;
	} entry;
};

static char *text_of_time(time_t when, char text[CLOCK_UTC_MAX])
{
	clock_utc(when, text);
	return text;
}

static char *detail_within_limits(struct entry_source *from, const struct check_result *r)
{
	size_t shown = shown_detail(r, from->limits);

	if (r->detail == NULL || r->detail[shown] == '\0')
		return r->detail;
	memcpy(from->detail, r->detail, shown);
	from->detail[shown] = '\0';
	return from->detail;
}

static enum integration_state state_of(const struct monitor *monitor, const struct report *report)
{
	switch (monitor_status(monitor, report->monitors->first_start_ms, report->now_ms)) {
	case MONITOR_ACTIVE:
		return INTEGRATION_ACTIVE;
	case MONITOR_PENDING:
		return INTEGRATION_PENDING;
	case MONITOR_STARTING:
		return INTEGRATION_STARTING;
	case MONITOR_ERROR:
		break;
	}
	return INTEGRATION_ERROR;
}

/*
 * A host that waits for a healthy guest skips entries whose health is null. So an entry with a
 * check always has a health, which is false until the first result.
 */
static const void *integration_at(void *source, size_t index)
{
	struct entry_source *from = source;
	const struct report *report = from->report;
	const struct monitor *monitor = report->monitors->items[index];
	const struct check_result *r = &monitor->check.result;
	char *detail = detail_within_limits(from, r);

	from->entry.integration = (struct integration){ .name = monitor->definition.name,
		.status = state_of(monitor, report),
		.error = detail,
		.last_checkpoint_at =
			monitor->checkpointed
				? text_of_time(monitor->last_checkpoint_at, from->checkpoint_at)
				: NULL,
		.state_size_bytes = monitor->state_size_bytes,
		.has_health = monitor->definition.command != NULL,
		.health = { .healthy = r->known && r->healthy,
			.detail = r->known ? detail : "first check pending",
			.checked_at = text_of_time(
				r->known ? r->checked_at : report->monitors->first_start_at,
				from->checked_at) } };
	return &from->entry.integration;
}

static const void *probe_at(void *source, size_t index)
{
	struct entry_source *from = source;
	struct monitor *const *items = from->report->monitors->items;
	const struct check_result *r;
	bool has_room;

	(void)index;
	while (!items[from->next]->check.result.known)
		from->next++;
	r = &items[from->next]->check.result;
	has_room = r->output == NULL || shows_output(r, from->limits);
	from->entry.probe = (struct probe_result){ .name = items[from->next++]->definition.name,
		.healthy = r->healthy,
		.detail = has_room ? detail_within_limits(from, r)
				   : "ok (the report has no room for the output)",
		.output = has_room ? r->output : NULL,
		.checked_at = text_of_time(r->checked_at, from->checked_at) };
	return &from->entry.probe;
}

/* ---- reports --------------------------------------------------------------------------------- */

static void write_report(struct buf *b, enum message_kind kind, const struct report *report,
	size_t count, const void *(*at)(void *source, size_t index))
{
	struct entry_source from = { .report = report, .limits = choose_limits(report->monitors) };
	struct list_answer list = { { .items = &from, .count = count, .at = at } };

	message_encode(b, kind, &list);
}

void report_write_integrations(struct buf *b, const void *arg)
{
	const struct report *report = arg;

	write_report(b, ANSWER_INTEGRATION_STATUS, report, report->monitors->count, integration_at);
}

/* A probe without a result yet is not reported. */
void report_write_probes(struct buf *b, const void *arg)
{
	const struct report *report = arg;
	size_t count = 0;

	for (size_t i = 0; i < report->monitors->count; i++)
		count += report->monitors->items[i]->check.result.known;
	write_report(b, ANSWER_PROBE_STATUS, report, count, probe_at);
}
