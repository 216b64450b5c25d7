/* SPDX-License-Identifier: MIT */
#include "protocol/messages.h"

#include "protocol/utf8.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NAME_SHOWN_MAX 64 /* bytes of an unknown name that an error repeats */

static const struct field sleep_prep_rows[] = {
	{ .name = "drain_timeout_secs",
		.type = FIELD_WHOLE,
		.flags = FIELD_REQUIRED,
		.max = UINT64_MAX,
		.offset = offsetof(struct sleep_prep, drain_timeout_secs) },
};
static const struct fields sleep_prep_fields = FIELDS_OF(sleep_prep_rows, struct sleep_prep);

static const struct field checkpoint_rows[] = {
	{ .name = "integrations",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct checkpoint_integrations, integrations) },
};
static const struct fields checkpoint_fields =
	FIELDS_OF(checkpoint_rows, struct checkpoint_integrations);

static const struct field exec_rows[] = {
	{ .name = "command",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct exec_request, command) },
	{ .name = "stdin",
		.type = FIELD_BYTES,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct exec_request, stdin_bytes) },
	{ .name = "timeout_secs",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct exec_request, timeout_secs),
		.given_offset = offsetof(struct exec_request, has_timeout) },
};
static const struct fields exec_fields = FIELDS_OF(exec_rows, struct exec_request);

static const struct field logs_rows[] = {
	{ .name = "service",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct logs_request, service) },
	{ .name = "lines",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct logs_request, lines) },
	{ .name = "position",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct logs_request, position),
		.given_offset = offsetof(struct logs_request, has_position) },
};
static const struct fields logs_fields = FIELDS_OF(logs_rows, struct logs_request);

static const struct field restart_rows[] = {
	{ .name = "service",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct restart_request, service) },
};
static const struct fields restart_fields = FIELDS_OF(restart_rows, struct restart_request);

static const struct field shutdown_rows[] = {
	{ .name = "power_off",
		.type = FIELD_BOOL,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct shutdown_request, power_off) },
};
static const struct fields shutdown_fields = FIELDS_OF(shutdown_rows, struct shutdown_request);

static const struct field events_rows[] = {
	{ .name = "service",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct events_request, service) },
	{ .name = "position",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct events_request, position) },
	{ .name = "wait_secs",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct events_request, wait_secs) },
};
static const struct fields events_fields = FIELDS_OF(events_rows, struct events_request);

static const struct message_type request_types[REQUEST_KINDS] = {
	[REQUEST_PING] = { "Ping", NULL },
	[REQUEST_WORKER_STATUS] = { "WorkerStatus", NULL },
	[REQUEST_INTEGRATION_STATUS] = { "IntegrationStatus", NULL },
	[REQUEST_PROBE_STATUS] = { "ProbeStatus", NULL },
	[REQUEST_WAKE] = { "Wake", NULL },
	[REQUEST_POST_RESTORE] = { "PostRestore", NULL },
	[REQUEST_SLEEP_PREP] = { "SleepPrep", &sleep_prep_fields },
	[REQUEST_CHECKPOINT_INTEGRATIONS] = { "CheckpointIntegrations", &checkpoint_fields },
	[REQUEST_EXEC] = { "Exec", &exec_fields },
	[REQUEST_HELLO] = { "Hello", NULL },
	[REQUEST_SERVICES] = { "Services", NULL },
	[REQUEST_LOGS] = { "Logs", &logs_fields },
	[REQUEST_BOOT_TIMELINE] = { "BootTimeline", NULL },
	[REQUEST_METRICS] = { "Metrics", NULL },
	[REQUEST_RESTART] = { "Restart", &restart_fields },
	[REQUEST_SHUTDOWN] = { "Shutdown", &shutdown_fields },
	[REQUEST_EVENTS] = { "Events", &events_fields },
	[REQUEST_RELOAD] = { "Reload", NULL },
};

/* Take the tag and, where there is one, the value that it tags. */
static int open_message(const char *text, struct json value, struct json *tag, struct json *content,
	struct problem *p)
{
	struct json_walk w;
	struct json more[2];

	*content = (struct json){ 0 };
	*tag = value;
	if (json_kind(value) == JSON_KIND_STRING)
		return 0;
	if (json_kind(value) != JSON_KIND_OBJECT)
		return json_problem(p, text, value, "a message is a string or an object");
	w = json_enter(value);
	if (!json_member(&w, tag, content))
		return json_problem(p, text, value, "the message has no name");
	if (json_member(&w, &more[0], &more[1]))
		return json_problem(p, text, more[0], "a message has one name only");
	return 0;
}

static int unknown_name(const char *text, struct json tag, struct problem *p)
{
	size_t shown = utf8_cut(tag.at, tag.len, NAME_SHOWN_MAX);

	return json_problem(p, text, tag, "unknown message %.*s%s", (int)shown, tag.at,
		shown < tag.len ? "..." : "");
}

int message_decode(const struct message_type *types, size_t count, const char *text, size_t len,
	size_t *index, void *out, struct problem *p)
{
	struct json value, tag, content;
	int err = json_check(text, len, &value, p);

	*index = count;
	if (err == 0)
		err = open_message(text, value, &tag, &content, p);
	if (err != 0)
		return err;
	for (*index = 0; *index < count; (*index)++)
		if (json_string_is(tag, types[*index].name))
			break;
	if (*index == count)
		return unknown_name(text, tag, p);
	if (types[*index].fields != NULL) {
		if (content.at == NULL)
			return json_problem(
				p, text, tag, "%s needs its fields", types[*index].name);
		return fields_decode(types[*index].fields, text, content, out, p);
	}
	if (content.at != NULL && json_kind(content) != JSON_KIND_NULL)
		return json_problem(p, text, content, "%s has no fields", types[*index].name);
	return 0;
}

int request_decode(const char *text, size_t len, struct request *r, struct problem *p)
{
	size_t index;
	int err;

	*r = (struct request){ 0 };
	err = message_decode(request_types, REQUEST_KINDS, text, len, &index, &r->body, p);
	if (index < REQUEST_KINDS)
		r->kind = (enum request_kind)index;
	return err;
}

void request_free(struct request *r)
{
	if (request_types[r->kind].fields != NULL)
		fields_free(request_types[r->kind].fields, &r->body);
}

const char *request_name(enum request_kind kind)
{
	return request_types[kind].name;
}
