/* SPDX-License-Identifier: MIT */
#include "agent/checks/history.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define FILE_MAX   (16 * 1024 * 1024)
#define FIRST_SIZE 16384

/* ---- reading --------------------------------------------------------------------------------- */

struct entry {
	char *name, *detail, *output;
	bool has_result, healthy, checkpointed;
	uint64_t checked_at, last_checkpoint_at, state_size_bytes;
};

struct past {
	uint64_t version, first_start_ms, first_start_at, last_busy_at, all_healthy_ms;
	bool was_busy;
	struct field_list integrations, probes; /* struct entry */
};

static const struct field entry_rows[] = {
	{ .name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct entry, name) },
	{ .name = "healthy", .type = FIELD_BOOL, .offset = offsetof(struct entry, healthy) },
	{ .name = "detail", .type = FIELD_STRING, .offset = offsetof(struct entry, detail) },
	{ .name = "output", .type = FIELD_JSON, .offset = offsetof(struct entry, output) },
	{ .name = "checked_at",
		.type = FIELD_WHOLE,
		.max = INT64_MAX,
		.offset = offsetof(struct entry, checked_at),
		.given_offset = offsetof(struct entry, has_result) },
	{ .name = "last_checkpoint_at",
		.type = FIELD_WHOLE,
		.max = INT64_MAX,
		.offset = offsetof(struct entry, last_checkpoint_at),
		.given_offset = offsetof(struct entry, checkpointed) },
	{ .name = "state_size_bytes",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct entry, state_size_bytes) },
};
static const struct fields entry_fields = FIELDS_OF(entry_rows, struct entry);

static const struct field past_rows[] = {
	{ .name = "version",
		.type = FIELD_WHOLE,
		.flags = FIELD_REQUIRED,
		.max = VERSION,
		.offset = offsetof(struct past, version) },
	{ .name = "first_start_ms",
		.type = FIELD_WHOLE,
		.flags = FIELD_REQUIRED,
		.max = INT64_MAX,
		.offset = offsetof(struct past, first_start_ms) },
	{ .name = "first_start_at",
		.type = FIELD_WHOLE,
		.flags = FIELD_REQUIRED,
		.max = INT64_MAX,
		.offset = offsetof(struct past, first_start_at) },
	{ .name = "last_busy_at",
		.type = FIELD_WHOLE,
		.max = INT64_MAX,
		.offset = offsetof(struct past, last_busy_at),
		.given_offset = offsetof(struct past, was_busy) },
	{ .name = "all_healthy_ms",
		.type = FIELD_WHOLE,
		.max = INT64_MAX,
		.offset = offsetof(struct past, all_healthy_ms) },
	{ .name = "integrations",
		.type = FIELD_OBJECTS,
		.flags = FIELD_REQUIRED,
		.object = &entry_fields,
		.offset = offsetof(struct past, integrations) },
	{ .name = "probes",
		.type = FIELD_OBJECTS,
		.flags = FIELD_REQUIRED,
		.object = &entry_fields,
		.offset = offsetof(struct past, probes) },
};
static const struct fields past_fields = FIELDS_OF(past_rows, struct past);

static void restore_entry(struct monitors *m, struct entry *e)
{
	struct monitor *monitor = monitors_find(m, e->name);
	struct check_result *r;

	if (monitor == NULL)
		return;
	monitor->checkpointed = e->checkpointed;
	monitor->last_checkpoint_at = (time_t)e->last_checkpoint_at;
	monitor->state_size_bytes = e->state_size_bytes;
	if (!e->has_result || monitor->definition.command == NULL)
		return;
	r = &monitor->check.result;
	check_result_free(r);
	*r = (struct check_result){ .known = true,
		.healthy = e->healthy,
		.checked_at = (time_t)e->checked_at,
		.detail = e->detail,
		.output = e->output };
	e->detail = e->output = NULL;
}

static void restore_list(struct monitors *m, const struct past *past, struct field_list *list)
{
	monitors_set_first_start(m, past->first_start_ms, (time_t)past->first_start_at);
	for (size_t i = 0; i < list->count; i++)
		restore_entry(m, (struct entry *)list->items + i);
}

static int parse(const char *text, size_t len, struct past *past, struct problem *p)
{
	struct json value;
	int err = json_check(text, len, &value, p);

	if (err == 0)
		err = fields_decode(&past_fields, text, value, past, p);
	if (err == 0 && past->version != VERSION)
		err = problem_set_text(p, EINVAL, "version %" PRIu64 "", past->version);
	if (err == 0 && past->first_start_ms > clock_ms())
		err = problem_set_text(p, EINVAL, "it is not of this boot");
	return err;
}

void history_load(struct history *h)
{
	struct past past = { 0 };
	struct problem p;
	size_t len;
	char *text;
	int err = file_read_alloc(h->path, FILE_MAX, &text, &len);

	if (err == -ENOENT)
		return;
	if (err != 0) {
		log_line("%s: %s; health history starts afresh", h->path, problem_errno_text(-err));
		return;
	}
	err = parse(text, len, &past, &p);
	free(text);
	if (err != 0) {
		log_line("%s: %s; health history starts afresh", h->path, p.text);
	} else {
		restore_list(h->integrations, &past, &past.integrations);
		restore_list(h->probes, &past, &past.probes);
		h->integrations->all_healthy_ms = past.all_healthy_ms;
		h->activity->was_busy = past.was_busy;
		h->activity->last_busy_at = (time_t)past.last_busy_at;
	}
	fields_free(&past_fields, &past);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_entry(struct buf *b, const struct monitor *monitor)
{
	const struct check_result *r = &monitor->check.result;

	buf_puts(b, "{\"name\":");
	json_put_text(b, monitor->definition.name);
	if (r->known) {
		buf_printf(b, ",\"healthy\":%s,\"checked_at\":%lld", r->healthy ? "true" : "false",
			(long long)r->checked_at);
		if (r->detail != NULL) {
			buf_puts(b, ",\"detail\":");
			json_put_text(b, r->detail);
		}
		if (r->output != NULL) {
			buf_puts(b, ",\"output\":");
			buf_puts(b, r->output);
		}
	}
	if (monitor->checkpointed)
		buf_printf(
			b, ",\"last_checkpoint_at\":%lld", (long long)monitor->last_checkpoint_at);
	buf_printf(b, ",\"state_size_bytes\":%" PRIu64 "}", monitor->state_size_bytes);
}

static void put_list(struct buf *b, const char *name, const struct monitors *m)
{
	buf_printf(b, ",\"%s\":[", name);
	for (size_t i = 0; i < m->count; i++) {
		buf_puts(b, i > 0 ? ",\n" : "\n");
		put_entry(b, m->items[i]);
	}
	buf_puts(b, "]");
}

static void put_all(struct buf *b, const struct history *h)
{
	buf_printf(b, "{\"version\":%d,\"first_start_ms\":%" PRIu64 ",\"first_start_at\":%lld",
		VERSION, h->integrations->first_start_ms,
		(long long)h->integrations->first_start_at);
	if (h->activity->was_busy)
		buf_printf(b, ",\"last_busy_at\":%lld", (long long)h->activity->last_busy_at);
	if (h->integrations->all_healthy_ms != 0)
		buf_printf(b, ",\"all_healthy_ms\":%" PRIu64, h->integrations->all_healthy_ms);
	put_list(b, "integrations", h->integrations);
	put_list(b, "probes", h->probes);
	buf_puts(b, "}\n");
}

static int save(const struct history *h)
{
	for (size_t size = FIRST_SIZE; size <= FILE_MAX; size *= 4) {
		char *text = malloc(size);
		struct buf b;
		int err;

		if (text == NULL)
			return -ENOMEM;
		buf_init(&b, text, size);
		put_all(&b, h);
		err = b.cut ? -EFBIG : file_replace(h->path, b.data, b.len, 0600);
		free(text);
		if (err != -EFBIG)
			return err;
	}
	return -EFBIG;
}

void history_save(struct history *h)
{
	int err;

	if (!h->changed)
		return;
	h->changed = false;
	err = save(h);
	if (err != 0 && !h->failed)
		log_line("%s: %s; health history would not outlive the agent", h->path,
			problem_errno_text(-err));
	if (err == 0 && h->failed)
		log_line("%s is written again", h->path);
	h->failed = err != 0;
}
