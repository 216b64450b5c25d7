/* SPDX-License-Identifier: MIT */
/* What a service file (mvm-service(5)) says. */
#ifndef SUPERVISOR_SERVICE_CONFIG_H
#define SUPERVISOR_SERVICE_CONFIG_H

#include "base/command.h"
#include "base/problem.h"
#include "base/spawn.h"
#include "base/strings.h"
#include "supervisor/cgroup.h"
#include "supervisor/machine.h"
#include "supervisor/sandbox.h"
#include "supervisor/syscall_filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_NAME_MAX   64 /* bytes, terminator included */
#define SERVICE_LIMITS_MAX 16 /* the kernel has RLIM_NLIMITS = 16 */

/* What happens when a service has hit its start limit. */
enum service_limit_action {
	SERVICE_LIMIT_NONE,   /* it stays failed */
	SERVICE_LIMIT_REBOOT, /* the guest restarts, which ends the VMM of mvm */
	SERVICE_LIMIT_EXIT,   /* likewise, after a console line with an exit code for the host */
};

struct service_config {
	uint64_t file_hash; /* of the file's text */
	struct command *command;
	struct command *pre_start;
	char *user;              /* NULL: the service group's user */
	char *log_file;          /* NULL: lines go to the console */
	uint64_t log_max_size;   /* bytes; 0: the log file is never rotated */
	unsigned int log_keep;   /* rotated log files that are kept */
	char *working_directory; /* NULL: "/" */
	char *environment_file;  /* NULL: none; a '-' in front: it may be absent */
	struct strings supplementary_groups;
	struct strings after;
	struct strings requires;
	struct strings env; /* the [env] section */
	struct machine_rules rules;
	enum service_limit_action start_limit_action;
	unsigned int start_limit_exit_code;   /* for SERVICE_LIMIT_EXIT */
	unsigned int unhealthy_restart_after; /* failed checks in a row; 0: never */
	uint64_t on_boot_delay, on_interval;  /* ms; 0: not scheduled */
	struct cgroup_limits cgroup;
	struct spawn_limit *limits; /* SERVICE_LIMITS_MAX of them once one is set, or NULL */
	size_t limit_count;
	bool no_new_privs;
	bool set_nice, set_oom_score, set_umask;
	int64_t nice, oom_score;
	uint64_t umask;
	uint64_t ambient;  /* `capabilities` */
	uint64_t bounding; /* what stays in the bounding set: `capabilities`, or all for root */
	bool capabilities_set;
	struct sandbox sandbox;
	enum syscall_tier tier; /* `seccomp` */
};

/* Everything as it is when a file says nothing. */
void service_config_init(struct service_config *c);

/* Free what the strings and commands took. */
void service_config_free(struct service_config *c);

/*
 * Set one key of one section ("service" or "env"). `seen` has a bit for each key of the table in
 * service_keys.c that was set before. Returns 0, or -errno with `p`: unknown section or key, bad
 * value, key set twice.
 */
int service_config_set(struct service_config *c, uint64_t *seen, const char *section,
	const char *key, const char *value, struct problem *p);

/*
 * Read a service file. Every bad line is told to `report`, and the first of them is in `p`, too.
 * Returns 0 or -errno; then `c` is not to be used, but must be freed.
 */
int service_config_read(const char *path, struct service_config *c, const struct reporter *report,
	struct problem *p);

/*
 * The name of the service that a file of this name describes: the file name without ".ini", if that
 * is [A-Za-z0-9_.-]{1,63} and does not begin with a dot. Returns 0; -ENOENT for other files, which
 * are none of ours; -EINVAL for a name that no service can have.
 */
int service_name_of_file(const char *file, char name[SERVICE_NAME_MAX]);

/* Print the names of the keys of [service], a line each. */
void service_keys_print_names(FILE *out);

#endif
