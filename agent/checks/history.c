/* SPDX-License-Identifier: MIT */
#include "agent/checks/history.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define FILE_MAX   (16 * 1024 * 1024)
#define SMALL_SIZE 4096

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

#define ROW_TIME(T, m)                                                                             \
	{                                                                                          \
		ROW(T, m, WHOLE, FIELD_REQUIRED), .max = INT64_MAX                                 \
	}
#define ROW_TIME_IF(T, m, has)                                                                     \
	{                                                                                          \
		ROW(T, m, WHOLE, FIELD_OMIT), .max = INT64_MAX, .given_offset = offsetof(T, has)   \
	}

static const struct field entry_rows[] = {
	ROW_TEXT(struct entry, name),
	ROW_OPTION(struct entry, healthy),
	{ ROW(struct entry, detail, STRING, FIELD_OMIT) },
	{ ROW(struct entry, output, JSON, FIELD_OMIT) },
	ROW_TIME_IF(struct entry, checked_at, has_result),
	ROW_TIME_IF(struct entry, last_checkpoint_at, checkpointed),
	ROW_DEFAULT(struct entry, state_size_bytes, UINT64_MAX),
};
static const struct fields entry_fields = FIELDS_OF(entry_rows, struct entry);

static const struct field past_rows[] = {
	ROW_WHOLE(struct past, version, VERSION),
	ROW_TIME(struct past, first_start_ms),
	ROW_TIME(struct past, first_start_at),
	ROW_TIME_IF(struct past, last_busy_at, was_busy),
	ROW_DEFAULT(struct past, all_healthy_ms, INT64_MAX),
	ROW_OBJECTS(struct past, integrations, "integrations", &entry_fields),
	ROW_OBJECTS(struct past, probes, "probes", &entry_fields),
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
		err = problem_set_text(p, EINVAL, "written in another boot");
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
		log_line("%s: %s; starting with an empty health history", h->path,
			problem_errno_text(-err));
		return;
	}
	err = parse(text, len, &past, &p);
	free(text);
	if (err != 0) {
		log_line("%s: %s; starting with an empty health history", h->path, p.text);
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

/* For entry_at(): the monitors, and room for the current entry. */
struct entry_source {
	const struct monitors *monitors;
	struct entry entry;
};

static const void *entry_at(void *source, size_t index)
{
	struct entry_source *from = source;
	const struct monitor *monitor = from->monitors->items[index];
	const struct check_result *r = &monitor->check.result;

	from->entry = (struct entry){ .name = monitor->definition.name,
		.has_result = r->known,
		.healthy = r->healthy,
		.detail = r->detail,
		.output = r->output,
		.checked_at = (uint64_t)r->checked_at,
		.checkpointed = monitor->checkpointed,
		.last_checkpoint_at = (uint64_t)monitor->last_checkpoint_at,
		.state_size_bytes = monitor->state_size_bytes };
	return &from->entry;
}

static void put_all(struct buf *b, const struct history *h)
{
	struct entry_source integrations = { .monitors = h->integrations };
	struct entry_source probes = { .monitors = h->probes };
	struct past past = { .version = VERSION,
		.first_start_ms = h->integrations->first_start_ms,
		.first_start_at = (uint64_t)h->integrations->first_start_at,
		.was_busy = h->activity->was_busy,
		.last_busy_at = (uint64_t)h->activity->last_busy_at,
		.all_healthy_ms = h->integrations->all_healthy_ms,
		.integrations = { &integrations, h->integrations->count, entry_at },
		.probes = { &probes, h->probes->count, entry_at } };

	fields_encode(&past_fields, b, &past);
	buf_puts(b, "\n");
}

/* Write into `text`. Returns 0, -EFBIG when it is too small, or another -errno. */
static int save_in(const struct history *h, char *text, size_t size)
{
	struct buf b;

	buf_init(&b, text, size);
	put_all(&b, h);
	return b.cut ? -EFBIG : file_replace(h->path, b.data, b.len, 0600);
}

/* A small history needs no memory: musl would map and unmap it each time. */
static int save(const struct history *h)
{
	char small[SMALL_SIZE];
	int err = save_in(h, small, sizeof(small));

	for (size_t size = 4 * SMALL_SIZE; err == -EFBIG && size <= FILE_MAX; size *= 4) {
		char *text = malloc(size);

		if (text == NULL)
			return -ENOMEM;
		err = save_in(h, text, size);
		free(text);
	}
	return err;
}

void history_note_result(struct history *h, bool is_news, uint64_t now_ms)
{
	h->confirmed = true;
	if (!is_news && !h->failed && now_ms - h->saved_ms < HISTORY_AGE_MS)
		return;
	h->changed = true;
	h->saved_ms = now_ms;
}

void history_save(struct history *h)
{
	int err;

	if (!h->changed)
		return;
	h->changed = h->confirmed = false;
	err = save(h);
	if (err != 0 && !h->failed)
		log_line("%s: %s; health history is lost if the agent ends", h->path,
			problem_errno_text(-err));
	if (err == 0 && h->failed)
		log_line("%s is written again", h->path);
	h->failed = err != 0;
}
