/* SPDX-License-Identifier: MIT */
/* The contents of a service file (mvm-service(5)). */
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

#define SERVICE_LIMITS_MAX 16 /* the kernel has RLIM_NLIMITS = 16 */

/* What happens when a service has hit its start limit. */
enum service_limit_action {
	SERVICE_LIMIT_NONE,   /* it stays failed */
	SERVICE_LIMIT_REBOOT, /* the guest restarts, which ends the VMM of mvm */
	SERVICE_LIMIT_EXIT,   /* the same, after a console line with an exit code for the host */
};

struct service_config {
	uint64_t file_hash; /* of the file's text */
	struct command *command;
	struct command *pre_start;
	struct command *reload_command; /* NULL: none */
	char *user;                     /* NULL: the service group's user */
	char *log_file;                 /* NULL: lines go to the console */
	uint64_t log_max_size;          /* bytes; 0: the log file is never rotated */
	unsigned int log_keep;          /* rotated log files that are kept */
	char *working_directory;        /* NULL: "/" */
	char *environment_file;         /* NULL: none; with '-' in front, it may be absent */
	struct strings supplementary_groups;
	struct strings after;
	struct strings requires;
	struct strings env; /* the [env] section */
	struct machine_rules rules;
	int stop_signal, reload_signal; /* for service_config_signal() */
	bool has_reload_signal;
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
	uint64_t bounding; /* kept in the bounding set: `capabilities`, or all for root */
	bool capabilities_set;
	bool keeps_bounding; /* of the agent, which starts root shells where a policy says so */
	struct sandbox sandbox;
	enum syscall_tier tier; /* `seccomp` */
};

/* Set every value to its default. */
void service_config_init(struct service_config *c);

/* The signal that `choice`, of stop_signal or reload_signal, stands for. */
int service_config_signal(int choice);

/* Free all strings and commands. */
void service_config_free(struct service_config *c);

#endif
