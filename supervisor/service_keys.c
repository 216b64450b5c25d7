/* SPDX-License-Identifier: MIT */
#include "supervisor/service_keys.h"

#include <stddef.h>
#include <sys/resource.h>

/* Only the tool that prints the manual needs the words: PID 1 does not carry them. */
#ifdef SERVICE_KEY_WORDS
#define DOC(...) __VA_ARGS__
#else
#define DOC(...) NULL
#endif

#define AT(member)   .offset = offsetof(struct service_config, member)
#define FLAG(member) .flag_offset = offsetof(struct service_config, member)
#define DAY_MS       86400000u

static const char *const restart_choices[] = { "always", "on-failure", "never", NULL };
static const char *const ready_choices[] = { "started", "notify", "healthy", NULL };
static const char *const action_choices[] = { "none", "reboot", "exit", NULL };
static const char *const type_choices[] = { "simple", "oneshot", NULL };

/* One rlimit key; what the limits mean is in setrlimit(2). */
#define LIMIT(key, resource_)                                                                      \
	{                                                                                          \
		.name = key, .type = KEY_LIMIT, .min = (resource_), .unset = "inherited",          \
		.doc = DOC(                                                                        \
			"Resource limit " #resource_ ": SOFT or SOFT:HARD, numbers or infinity.")  \
	}

const struct service_key service_keys[] = {
	{ .name = "command",
		.type = KEY_COMMAND,
		AT(command),
		.unset = "required",
		.doc = DOC(
			"The command line. It is split by the shell's quoting rules and executed "
			"directly; "
			"only a text with shell syntax runs as /bin/sh -c.") },
	{ .name = "pre_start",
		.type = KEY_COMMAND,
		AT(pre_start),
		.unset = "none",
		.doc = DOC("A command that runs as root before every start. When it fails or takes "
			   "longer than 60 "
			   "s, the start has failed.") },
	{ .name = "user",
		.type = KEY_TEXT,
		AT(user),
		.unset = "the service group's user",
		.doc = DOC(
			"User name or uid that the command runs as. Only an explicit root runs as "
			"root.") },
	{ .name = "supplementary_groups",
		.type = KEY_WORDS,
		AT(supplementary_groups),
		.unset = "none",
		.doc = DOC("Group names or gids beside those that list the user as a member.") },
	{ .name = "log_file",
		.type = KEY_PATH,
		AT(log_file),
		.unset = "the console",
		.doc = DOC("File that output is appended to; missing directories are made. Without "
			   "it, "
			   "each line "
			   "goes to the console behind the service's name.") },
	{ .name = "working_directory",
		.type = KEY_PATH,
		AT(working_directory),
		.unset = "/",
		.doc = DOC("Directory that the command starts in.") },
	{ .name = "environment_file",
		.type = KEY_PATH,
		AT(environment_file),
		.unset = "none",
		.doc = DOC(
			"File of NAME=VALUE lines, read before each start of the supervisor; data, "
			"never "
			"executed. It must exist.") },
	{ .name = "type",
		.type = KEY_CHOICE,
		AT(rules.type),
		.choices = type_choices,
		.unset = "simple",
		.doc = DOC(
			"simple: the command is the service. oneshot: it does its work and ends; "
			"once it has "
			"ended successfully the service counts as up.") },
	{ .name = "restart",
		.type = KEY_CHOICE,
		AT(rules.restart),
		.choices = restart_choices,
		.unset = "always",
		.doc = DOC(
			"When the command is started again after it has ended by itself. "
			"on-failure: unless it "
			"exited with 0 or by HUP, INT, TERM or PIPE. A oneshot that has succeeded "
			"is not "
			"restarted.") },
	{ .name = "restart_delay",
		.type = KEY_SPAN,
		AT(rules.restart_delay),
		.max = DAY_MS,
		.unset = "100ms",
		.doc = DOC("Delay before the first automatic restart; it doubles with each further "
			   "one.") },
	{ .name = "restart_delay_max",
		.type = KEY_SPAN,
		AT(rules.restart_delay_max),
		.max = DAY_MS,
		.unset = "30s",
		.doc = DOC(
			"Where the doubling ends. Failures that cannot heal (no such program) wait "
			"this long at "
			"once.") },
	{ .name = "stop_timeout",
		.type = KEY_SPAN,
		AT(rules.stop_timeout),
		.max = DAY_MS,
		.unset = "1s",
		.doc = DOC("From TERM to KILL. At shutdown never more than 1 s.") },
	{ .name = "start_timeout",
		.type = KEY_SPAN,
		AT(rules.start_timeout),
		.max = DAY_MS,
		.unset = "30s",
		.doc = DOC("A oneshot that has not ended by then, and a service that is not "
			   "ready by then, is stopped and has failed. 0: no "
			   "limit.") },
	{ .name = "start_limit",
		.type = KEY_COUNT,
		AT(rules.start_limit),
		.max = MACHINE_STARTS_MAX,
		.unset = "0",
		.doc = DOC("So many automatic restarts within start_limit_interval, and one more "
			   "fails "
			   "the service "
			   "for good. 0: no limit.") },
	{ .name = "start_limit_interval",
		.type = KEY_SPAN,
		AT(rules.start_limit_interval),
		.max = 365ull * DAY_MS,
		.unset = "10s",
		.doc = DOC("The window of start_limit.") },
	{ .name = "start_limit_action",
		.type = KEY_CHOICE,
		AT(start_limit_action),
		.choices = action_choices,
		.unset = "none",
		.doc = DOC("What follows when the limit is hit. none: the service stays failed. "
			   "reboot: the guest is "
			   "shut down and restarted. exit: likewise, after the console line "
			   ".Dq guest exit code N .") },
	{ .name = "start_limit_exit_code",
		.type = KEY_COUNT,
		AT(start_limit_exit_code),
		.max = 255,
		.unset = "1",
		.doc = DOC("The code of start_limit_action = exit.") },
	{ .name = "after",
		.type = KEY_WORDS,
		AT(after),
		.unset = "none",
		.doc = DOC("Services that are to be up, or to have failed once, before this one "
			   "starts. At shutdown "
			   "this one stops first.") },
	{ .name = "requires",
		.type = KEY_WORDS,
		AT(requires),
		.unset = "none",
		.doc = DOC("Services that must be up before this one starts. When one of them has "
			   "failed for good, "
			   "this one fails, too. What happens to them later does not touch it.") },
	{ .name = "ready",
		.type = KEY_CHOICE,
		AT(rules.ready),
		.choices = ready_choices,
		.unset = "started",
		.doc = DOC("When the service counts as up. started: its program runs. notify: it "
			   "has sent READY=1 to "
			   "the socket in NOTIFY_SOCKET, see sd_notify(3). healthy: the health "
			   "check of the same "
			   "name has passed once.") },
	{ .name = "unhealthy_restart_after",
		.type = KEY_COUNT,
		AT(unhealthy_restart_after),
		.max = 1000000,
		.unset = "0",
		.doc = DOC("So many failed checks in a row of the health check of the same name "
			   "restart the service. "
			   "0: never.") },
	{ .name = "on_boot_delay",
		.type = KEY_SPAN,
		AT(on_boot_delay),
		.max = 365ull * DAY_MS,
		.unset = "none",
		.doc = DOC("The service is not started at boot but so long after it.") },
	{ .name = "on_interval",
		.type = KEY_SPAN,
		AT(on_interval),
		.max = 365ull * DAY_MS,
		.unset = "none",
		.doc = DOC("The service is started again and again at this interval, the first "
			   "time after on_boot_delay "
			   "or, without it, one interval after boot. Never two at once: as long as "
			   "it runs, a turn is "
			   "left out.") },
	{ .name = "no_new_privs",
		.type = KEY_BOOL,
		AT(no_new_privs),
		.unset = "yes",
		.doc = DOC("Programs gain no privileges by set-uid bits or file capabilities.") },
	{ .name = "capabilities",
		.type = KEY_CAPS,
		AT(ambient),
		FLAG(capabilities_set),
		.unset = "none; all for root",
		.doc = DOC("Capabilities that the service has although it is not root, such as "
			   "net_bind_service; "
			   "nothing else stays in the bounding set.") },
	{ .name = "nice",
		.type = KEY_SIGNED,
		AT(nice),
		FLAG(set_nice),
		.min = -20,
		.max = 19,
		.unset = "0",
		.doc = DOC("Nice value.") },
	{ .name = "oom_score_adj",
		.type = KEY_SIGNED,
		AT(oom_score),
		FLAG(set_oom_score),
		.min = -1000,
		.max = 1000,
		.unset = "0",
		.doc = DOC("Adjustment of the score by which the kernel chooses what to end when "
			   "memory is short.") },
	{ .name = "umask",
		.type = KEY_OCTAL,
		AT(umask),
		FLAG(set_umask),
		.max = 0777,
		.unset = "022",
		.doc = DOC("File mode creation mask, octal.") },
	{ .name = "memory_max",
		.type = KEY_SIZE,
		AT(cgroup.memory_max),
		.max = INT64_MAX,
		.unset = "infinity",
		.doc = DOC("Memory of the whole service, in bytes (K, M, G, T). When it is reached "
			   "and nothing can be "
			   "freed, the kernel ends all of the service's processes.") },
	{ .name = "memory_high",
		.type = KEY_SIZE,
		AT(cgroup.memory_high),
		.max = INT64_MAX,
		.unset = "infinity",
		.doc = DOC("From here on the service is slowed down and its memory reclaimed.") },
	{ .name = "memory_swap_max",
		.type = KEY_SIZE,
		AT(cgroup.memory_swap_max),
		.max = INT64_MAX,
		.unset = "infinity",
		.doc = DOC("Swap space of the whole service.") },
	{ .name = "cpu_max",
		.type = KEY_PERCENT,
		AT(cgroup.cpu_max),
		.max = 100000,
		.unset = "no limit",
		.doc = DOC("CPU time that the service gets at most; 150% is one CPU and a half.") },
	{ .name = "cpu_weight",
		.type = KEY_WIDE,
		AT(cgroup.cpu_weight),
		.min = 1,
		.max = 10000,
		.unset = "100",
		.doc = DOC("Share of the CPU among services that want more than there is.") },
	{ .name = "tasks_max",
		.type = KEY_WIDE,
		AT(cgroup.tasks_max),
		.min = 1,
		.max = INT32_MAX,
		.unset = "no limit",
		.doc = DOC("Processes and threads of the whole service.") },
	LIMIT("limit_nofile", RLIMIT_NOFILE),
	LIMIT("limit_nproc", RLIMIT_NPROC),
	LIMIT("limit_core", RLIMIT_CORE),
	LIMIT("limit_fsize", RLIMIT_FSIZE),
	LIMIT("limit_memlock", RLIMIT_MEMLOCK),
	LIMIT("limit_stack", RLIMIT_STACK),
	LIMIT("limit_as", RLIMIT_AS),
	LIMIT("limit_data", RLIMIT_DATA),
	LIMIT("limit_cpu", RLIMIT_CPU),
	LIMIT("limit_sigpending", RLIMIT_SIGPENDING),
	LIMIT("limit_msgqueue", RLIMIT_MSGQUEUE),
	LIMIT("limit_nice", RLIMIT_NICE),
	LIMIT("limit_rtprio", RLIMIT_RTPRIO),
};

const size_t service_key_count = sizeof(service_keys) / sizeof(service_keys[0]);

_Static_assert(sizeof(service_keys) / sizeof(service_keys[0]) <= 64,
	"`seen` of service_config_set() has a bit for each key");
