/* SPDX-License-Identifier: MIT */
#include "agent/requests/policy.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "protocol/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define POLICY_MAX      (1024 * 1024)
#define POLICY_PATH_MAX 256

struct access {
	bool filesystem, network, build, host_communication, debug_exec, console;
	bool has_debug_exec, has_console, has_ports;
	char *user;
	struct field_list ports; /* uint16_t */
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

/* Every part is decoded: after a mistake anywhere, nothing in the file can be relied on. */
struct policy_file {
	bool require_auth, has_profile;
	unsigned int profile; /* enum guest_profile */
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
	{ .name = "debug_exec",
		.type = FIELD_BOOL,
		.offset = offsetof(struct access, debug_exec),
		.given_offset = offsetof(struct access, has_debug_exec) },
	{ .name = "console",
		.type = FIELD_BOOL,
		.offset = offsetof(struct access, console),
		.given_offset = offsetof(struct access, has_console) },
	{ .name = "forward_ports",
		.type = FIELD_PORTS,
		.max = POLICY_PORTS_MAX,
		.offset = offsetof(struct access, ports),
		.given_offset = offsetof(struct access, has_ports) },
	{ .name = "user",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct access, user) },
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
	{ .name = "profile",
		.type = FIELD_CHOICE,
		.choices = guest_profiles,
		.offset = offsetof(struct policy_file, profile),
		.given_offset = offsetof(struct policy_file, has_profile) },
	BOOL(struct policy_file, require_auth),
	{ .name = "access",
		.type = FIELD_OBJECT,
		.object = &access_fields,
		.offset = offsetof(struct policy_file, access) },
	{ .name = "rate_limits",
		.type = FIELD_OBJECT,
		.object = &rate_fields,
		.offset = offsetof(struct policy_file, rate_limits) },
	{ .name = "session",
		.type = FIELD_OBJECT,
		.object = &session_fields,
		.offset = offsetof(struct policy_file, session) },
	{ .name = "blocklist",
		.type = FIELD_OBJECTS,
		.object = &block_fields,
		.offset = offsetof(struct policy_file, blocklist) },
};
static const struct fields policy_fields = FIELDS_OF(policy_rows, struct policy_file);

static int read_file(const char *path, struct policy_file *file, struct problem *p)
{
	struct problem reason;
	struct json value;
	size_t len;
	char *text;
	int err = file_read_alloc(path, POLICY_MAX, &text, &len);

	if (err != 0)
		return problem_set(p, -err, "%s", path);
	err = json_check(text, len, &value, &reason);
	if (err == 0)
		err = fields_decode(&policy_fields, text, value, file, &reason);
	free(text);
	if (err == 0 && file->access.user != NULL && strlen(file->access.user) >= POLICY_USER_MAX)
		err = problem_set_text(&reason, EINVAL, "the name in 'user' is too long");
	return err != 0 ? problem_set_text(p, -err, "%s: %s", path, reason.text) : 0;
}

/*
 * A profile decides if it is given, but an explicit denial in `access` stays. A host that may run
 * commands may also open a console, which gives no more rights.
 */
static void apply(const struct policy_file *file, struct policy *policy)
{
	const struct access *a = &file->access;
	bool is_dev = file->has_profile && file->profile == PROFILE_DEV;

	policy->is_sealed = file->has_profile && file->profile == PROFILE_SEALED_PROD;
	policy->allows_exec = a->has_debug_exec ? a->debug_exec : is_dev;
	policy->allows_console = a->has_console ? a->console : policy->allows_exec;
	policy->allows_dev = policy->allows_exec || is_dev;
	if (policy->is_sealed)
		policy->allows_exec = policy->allows_console = policy->allows_dev = false;
	policy->profile = file->has_profile    ? (enum guest_profile)file->profile
			  : policy->allows_dev ? PROFILE_DEV
					       : PROFILE_SEALED_PROD;
	if (a->user != NULL)
		buf_format(policy->user, sizeof(policy->user), "%s", a->user);
	policy->names_ports = a->has_ports;
	policy->port_count = a->ports.count;
	memcpy(policy->ports, a->ports.items != NULL ? a->ports.items : policy->ports,
		a->ports.count * sizeof(policy->ports[0]));
}

/* True if there is no policy, and not one that could not be read. */
static bool is_absent(const char *path, const struct policy_defaults *image, struct problem *p)
{
	char directory[POLICY_PATH_MAX];
	struct stat link;

	if (lstat(path, &link) == 0)
		return false; /* a link that leads nowhere */
	buf_format(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	if (!image->has_drive || mountinfo_is_mount_point(directory))
		return true;
	problem_set_text(p, EACCES, "%s: the drive with the policy is not mounted", directory);
	return false;
}

void policy_read(const char *path, const struct policy_defaults *image, struct policy *policy)
{
	struct policy_file file = { 0 };
	int err;

	*policy = (struct policy){ .profile = PROFILE_SEALED_PROD };
	if (image->user != NULL)
		buf_format(policy->user, sizeof(policy->user), "%s", image->user);
	err = read_file(path, &file, &policy->reason);
	if (err == 0) {
		apply(&file, policy);
		problem_set_text(&policy->reason, EACCES, "%s does not allow it", path);
	} else if (err == -ENOENT && is_absent(path, image, &policy->reason) && image->dev) {
		policy->allows_exec = policy->allows_console = policy->allows_dev = true;
		policy->profile = PROFILE_DEV;
	}
	fields_free(&policy_fields, &file);
}

bool policy_allows(const struct policy *policy, enum message_access access)
{
	switch (access) {
	case ACCESS_FREE:
		return true;
	case ACCESS_EXEC:
		return policy->allows_exec;
	case ACCESS_CONSOLE:
		return policy->allows_console;
	case ACCESS_DEV:
		break;
	}
	return policy->allows_dev;
}

bool policy_allows_port(const struct policy *policy, uint16_t port)
{
	bool found = !policy->names_ports;

	for (size_t i = 0; i < policy->port_count; i++)
		found = found || policy->ports[i] == port;
	return found;
}

int policy_allow_exec(const char *path, struct problem *p)
{
	static const struct policy_defaults none;
	struct policy policy;

	policy_read(path, &none, &policy);
	*p = policy.reason;
	return policy.allows_exec ? 0 : -policy.reason.code;
}
