/* SPDX-License-Identifier: MIT */
#include "agent/requests/policy.h"

#include "base/file.h"
#include "protocol/fields.h"

#include <errno.h>
#include <stdlib.h>

#define POLICY_MAX (1024 * 1024)

struct access {
	bool filesystem, network, build, host_communication, debug_exec;
};

struct rate_limits {
	uint64_t per_second, per_minute;
};

struct session {
	uint64_t lifetime_secs, tasks;
};

struct block {
	char *pattern, *category;
	unsigned int severity, action;
};

/* All of it is decoded, because a host that writes one part wrong may have meant anything. */
struct policy {
	bool require_auth;
	struct access access;
	struct rate_limits rate_limits;
	struct session session;
	struct field_list blocklist; /* struct block */
};

#define BOOL(owner, key)                                                                           \
	{                                                                                          \
		.name = #key, .type = FIELD_BOOL, .offset = offsetof(owner, key)                   \
	}

static const struct field access_rows[] = {
	BOOL(struct access, filesystem),
	BOOL(struct access, network),
	BOOL(struct access, build),
	BOOL(struct access, host_communication),
	BOOL(struct access, debug_exec),
};
static const struct fields access_fields = FIELDS_OF(access_rows, struct access);

static const struct field rate_rows[] = {
	{ .name = "frames_per_second",
		.type = FIELD_WHOLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct rate_limits, per_second) },
	{ .name = "frames_per_minute",
		.type = FIELD_WHOLE,
		.max = UINT32_MAX,
		.offset = offsetof(struct rate_limits, per_minute) },
};
static const struct fields rate_fields = FIELDS_OF(rate_rows, struct rate_limits);

static const struct field session_rows[] = {
	{ .name = "max_lifetime_secs",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct session, lifetime_secs) },
	{ .name = "max_tasks",
		.type = FIELD_WHOLE,
		.max = UINT64_MAX,
		.offset = offsetof(struct session, tasks) },
};
static const struct fields session_fields = FIELDS_OF(session_rows, struct session);

static const char *const severities[] = { "Low", "Medium", "High", "Critical", NULL };
static const char *const actions[] = { "Block", "RequireApproval", "Log", NULL };

static const struct field block_rows[] = {
	{ .name = "pattern",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct block, pattern) },
	{ .name = "category",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct block, category) },
	{ .name = "severity",
		.type = FIELD_CHOICE,
		.flags = FIELD_REQUIRED,
		.choices = severities,
		.offset = offsetof(struct block, severity) },
	{ .name = "action",
		.type = FIELD_CHOICE,
		.flags = FIELD_REQUIRED,
		.choices = actions,
		.offset = offsetof(struct block, action) },
};
static const struct fields block_fields = FIELDS_OF(block_rows, struct block);

static const struct field policy_rows[] = {
	BOOL(struct policy, require_auth),
	{ .name = "access",
		.type = FIELD_OBJECT,
		.object = &access_fields,
		.offset = offsetof(struct policy, access) },
	{ .name = "rate_limits",
		.type = FIELD_OBJECT,
		.object = &rate_fields,
		.offset = offsetof(struct policy, rate_limits) },
	{ .name = "session",
		.type = FIELD_OBJECT,
		.object = &session_fields,
		.offset = offsetof(struct policy, session) },
	{ .name = "blocklist",
		.type = FIELD_OBJECTS,
		.object = &block_fields,
		.offset = offsetof(struct policy, blocklist) },
};
static const struct fields policy_fields = FIELDS_OF(policy_rows, struct policy);

int policy_allow_exec(const char *path, struct problem *p)
{
	struct policy policy = { 0 };
	struct problem reason;
	struct json value;
	size_t len;
	char *text;
	int err = file_read_alloc(path, POLICY_MAX, &text, &len);

	if (err != 0)
		return problem_set(p, -err, "%s", path);
	err = json_check(text, len, &value, &reason);
	if (err == 0)
		err = fields_decode(&policy_fields, text, value, &policy, &reason);
	free(text);
	fields_free(&policy_fields, &policy);
	if (err != 0)
		return problem_set_text(p, -err, "%s: %s", path, reason.text);
	if (!policy.access.debug_exec)
		return problem_set_text(p, EACCES, "%s does not allow it", path);
	return 0;
}
