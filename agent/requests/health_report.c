/* SPDX-License-Identifier: MIT */
#include "agent/requests/health_report.h"

#include "base/clock.h"
#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/messages.h"
#include "protocol/utf8.h"

#include <inttypes.h>
#include <string.h>

#define ENTRY_FIXED 240 /* bytes of an entry beside its name, details and output, at most */

/* How much of an entry's texts is reported, in steps. The last step fits whatever is watched. */
struct limits {
	size_t detail, output; /* bytes */
};

static const struct limits steps[] = {
	{ SIZE_MAX, SIZE_MAX },
	{ 1024, 4096 },
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

/* Bytes of a report within these limits, at most. */
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

static void put_time(struct buf *b, time_t when)
{
	char text[CLOCK_UTC_MAX];

	clock_utc(when, text);
	json_put_text(b, text);
}

static void put_detail(struct buf *b, const struct check_result *r, const struct limits *l)
{
	json_put_string(b, r->detail != NULL ? r->detail : "", shown_detail(r, l));
}

static void put_status(struct buf *b, const struct monitor *monitor, const struct report *report,
	const struct limits *l)
{
	switch (monitor_status(monitor, report->monitors->first_start_ms, report->now_ms)) {
	case MONITOR_ACTIVE:
		buf_puts(b, "\"active\"");
		break;
	case MONITOR_PENDING:
		buf_puts(b, "\"pending\"");
		break;
	case MONITOR_STARTING:
		buf_puts(b, "\"starting\"");
		break;
	case MONITOR_ERROR:
		buf_puts(b, "{\"error\":");
		put_detail(b, &monitor->check.result, l);
		buf_puts(b, "}");
		break;
	}
}

/*
 * Hosts that wait for a guest to become healthy skip entries whose health is null. So there is
 * always a health where there is a check, and it is false until the first result.
 */
static void put_health(struct buf *b, const struct monitor *monitor, const struct report *report,
	const struct limits *l)
{
	const struct check_result *r = &monitor->check.result;

	if (monitor->definition.command == NULL) {
		buf_puts(b, "null");
		return;
	}
	buf_printf(b, "{\"healthy\":%s,\"detail\":", r->known && r->healthy ? "true" : "false");
	if (r->known)
		put_detail(b, r, l);
	else
		json_put_text(b, "first check pending");
	buf_puts(b, ",\"checked_at\":");
	put_time(b, r->known ? r->checked_at : report->monitors->first_start_at);
	buf_puts(b, "}");
}

static void put_integration(struct buf *b, const struct monitor *monitor,
	const struct report *report, const struct limits *l)
{
	buf_puts(b, "{\"name\":");
	json_put_text(b, monitor->definition.name);
	buf_puts(b, ",\"status\":");
	put_status(b, monitor, report, l);
	buf_puts(b, ",\"last_checkpoint_at\":");
	if (monitor->checkpointed)
		put_time(b, monitor->last_checkpoint_at);
	else
		buf_puts(b, "null");
	buf_printf(b, ",\"state_size_bytes\":%" PRIu64 ",\"health\":", monitor->state_size_bytes);
	put_health(b, monitor, report, l);
	buf_puts(b, "}");
}

void report_write_integrations(struct buf *b, const void *arg)
{
	const struct report *report = arg;
	const struct monitors *m = report->monitors;
	const struct limits *l = choose_limits(m);

	message_begin(b, ANSWER_INTEGRATION_STATUS);
	buf_puts(b, "{\"integrations\":[");
	for (size_t i = 0; i < m->count; i++) {
		if (i > 0)
			buf_puts(b, ",");
		put_integration(b, m->items[i], report, l);
	}
	buf_puts(b, "]}");
	message_end(b);
}

static void put_probe(struct buf *b, const struct monitor *monitor, const struct limits *l)
{
	const struct check_result *r = &monitor->check.result;

	buf_puts(b, "{\"name\":");
	json_put_text(b, monitor->definition.name);
	buf_printf(b, ",\"healthy\":%s,\"detail\":", r->healthy ? "true" : "false");
	if (r->output != NULL && !shows_output(r, l))
		json_put_text(b, "ok (the report has no room for the output)");
	else
		put_detail(b, r, l);
	if (shows_output(r, l)) {
		buf_puts(b, ",\"output\":");
		buf_puts(b, r->output);
	}
	buf_puts(b, ",\"checked_at\":");
	put_time(b, r->checked_at);
	buf_puts(b, "}");
}

void report_write_probes(struct buf *b, const void *arg)
{
	const struct report *report = arg;
	const struct monitors *m = report->monitors;
	const struct limits *l = choose_limits(m);
	const char *separator = "";

	message_begin(b, ANSWER_PROBE_STATUS);
	buf_puts(b, "{\"probes\":[");
	for (size_t i = 0; i < m->count; i++) {
		/* A probe is reported once it has run. */
		if (!m->items[i]->check.result.known)
			continue;
		buf_puts(b, separator);
		put_probe(b, m->items[i], l);
		separator = ",";
	}
	buf_puts(b, "]}");
	message_end(b);
}
