/* SPDX-License-Identifier: MIT */
#include "supervisor/service_keys.h"

#include <stddef.h>
#include <sys/resource.h>

/* Texts for the manual are compiled only into the tool that prints it, not into PID 1. */
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
/* enum syscall_tier */
static const char *const tier_choices[] = { "essential", "minimal", "standard", "network",
	"unrestricted", NULL };
static const char *const type_choices[] = { "simple", "oneshot", "forking", NULL };
/* Each with and without SIG, in the order of service_config_signal(). */
static const char *const signal_choices[] = { "TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "ABRT",
	"KILL", "WINCH", "PWR", "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2",
	"SIGABRT", "SIGKILL", "SIGWINCH", "SIGPWR", NULL };

/* One rlimit; see setrlimit(2). */
#define LIMIT(key, resource, unset_, doc_)                                                         \
	{                                                                                          \
		.name = key, .type = KEY_LIMIT, .min = (resource), .unset = DOC(unset_),           \
		.doc = DOC(doc_),                                                                  \
	}

/* One line here is one line of the manual. */
/* clang-format off */
const struct service_key service_keys[] = {
	{ .name = "command", .type = KEY_COMMAND, AT(command),
		.unset = DOC("required"),
		.doc = DOC("The command line of the service.\n"
			"See\n"
			".Sx COMMAND LINES .") },
	{ .name = "pre_start", .type = KEY_COMMAND, AT(pre_start),
		.unset = DOC("none"),
		.doc = DOC("A command line that runs as root, in\n"
			".Pa / ,\n"
			"with the service's environment, before every start of the command.\n"
			"If it fails, or takes longer than 60 seconds, the start has "
			"failed.") },
	{ .name = "user", .type = KEY_TEXT, AT(user),
		.unset = DOC("the service group's user"),
		.doc = DOC("Name or number of the user that the command runs as.\n"
			"Only this key can make it root.") },
	{ .name = "supplementary_groups", .type = KEY_WORDS, AT(supplementary_groups),
		.unset = DOC("none"),
		.doc = DOC("Names or numbers of groups, in addition to the user's groups in\n"
			".Pa /etc/group .") },
	{ .name = "log_file", .type = KEY_PATH, AT(log_file),
		.unset = DOC("the console"),
		.doc = DOC("File that standard output and standard error are appended to.\n"
			"Missing directories are created.\n"
			"A symbolic link, or a file that has a second name, is refused; a link "
			"to a directory is followed only where nobody but root can write to "
			"what is in front of it.\n"
			"If a write fails, the console says so, and afterwards how much was "
			"lost.\n"
			"Each process has descriptors of its own: flags such as O_NONBLOCK "
			"that one process sets do not affect the next.\n"
			".Pa /dev/stdout , /dev/stderr , /dev/console ,\n"
			"their names in\n"
			".Pa /proc\n"
			"and links to them mean the console, as without this key.\n"
			"Lines on the console begin with the name of the service.") },
	{ .name = "log_max_size", .type = KEY_SIZE, AT(log_max_size), .max = INT64_MAX,
		.unset = DOC("0"),
		.doc = DOC("Size, in bytes (K, M, G, T), at which the log file is renamed to\n"
			".Ar FILE Ns .1\n"
			"and a new one is begun; 0 means never.\n"
			"A file that cannot be renamed keeps growing.") },
	{ .name = "log_keep", .type = KEY_COUNT, AT(log_keep), .max = 100,
		.unset = DOC("3"),
		.doc = DOC("How many renamed log files are kept.") },
	{ .name = "working_directory", .type = KEY_PATH, AT(working_directory),
		.unset = DOC("/"),
		.doc = DOC("Working directory of the command.") },
	{ .name = "environment_file", .type = KEY_MAYBE, AT(environment_file),
		.unset = DOC("none"),
		.doc = DOC("File with a\n"
			".Ar NAME Ns = Ns Ar VALUE\n"
			"on each line, by the rules of\n"
			".Sx ENVIRONMENT .\n"
			"It must exist, unless\n"
			".Ql -\n"
			"precedes the path.\n"
			"It is read at boot, and again when the service file has changed or a "
			"snapshot is restored.\n"
			"If it cannot be read after a snapshot, the old variables stay.") },
	{ .name = "type", .type = KEY_CHOICE, AT(rules.type), .choices = type_choices,
		.unset = DOC("simple"),
		.doc = DOC(".Cm simple :\n"
			"the command is the service.\n"
			".Cm oneshot :\n"
			"the command does its work and ends; the service is up once it has "
			"ended successfully.\n"
			".Cm forking :\n"
			"the command starts a daemon and ends; the service is up once it has "
			"ended successfully, and as long as its cgroup has a process.\n"
			"No PID file is needed.") },
	{ .name = "restart", .type = KEY_CHOICE, AT(rules.restart),
		.choices = restart_choices,
		.unset = DOC("always"),
		.doc = DOC("When the command is started again after it has ended by itself.\n"
			".Cm on-failure :\n"
			"unless it ended with exit code 0 or by one of the signals HUP, INT, "
			"TERM and PIPE.\n"
			"A oneshot that has succeeded is never restarted.") },
	{ .name = "restart_delay", .type = KEY_SPAN, AT(rules.restart_delay), .max = DAY_MS,
		.unset = DOC("100ms"),
		.doc = DOC("Delay before the first automatic restart.\n"
			"It doubles with each further one, up to\n"
			".Ic restart_delay_max .") },
	{ .name = "restart_delay_max", .type = KEY_SPAN, AT(rules.restart_delay_max),
		.max = DAY_MS,
		.unset = DOC("30s"),
		.doc = DOC("Longest delay.\n"
			"A failure that a new attempt cannot heal, such as a missing "
			"program, waits this long at once.") },
	{ .name = "stop_timeout", .type = KEY_SPAN, AT(rules.stop_timeout), .max = DAY_MS,
		.unset = DOC("1s"),
		.doc = DOC("Time from TERM to KILL when the service is stopped.\n"
			"A frozen cgroup is thawed, and CONT follows TERM.\n"
			"A shutdown waits for at most 1 second.") },
	{ .name = "stop_signal", .type = KEY_CHOICE, AT(stop_signal), .choices = signal_choices,
		.unset = DOC("TERM"),
		.doc = DOC("Signal to send in place of TERM.\n"
			"PostgreSQL wants INT, nginx QUIT.") },
	{ .name = "reload_signal", .type = KEY_CHOICE, AT(reload_signal),
		FLAG(has_reload_signal), .choices = signal_choices,
		.unset = DOC("none"),
		.doc = DOC("Signal that has the main process read its configuration again when "
			"the host asks for it\n"
			".Pq Ic mvm-probe reload Ar target service .\n"
			"A service with\n"
			".Ic ready\n"
			"=\n"
			".Cm notify\n"
			"has to answer with\n"
			".Li RELOADING=1\n"
			"and, when it has done so,\n"
			".Li READY=1\n"
			"within\n"
			".Ic start_timeout ;\n"
			"for any other the reload is over once the signal is sent.\n"
			"See\n"
			".Sx RELOADING .") },
	{ .name = "reload_command", .type = KEY_COMMAND, AT(reload_command),
		.unset = DOC("none"),
		.doc = DOC("A command line that does the same in place of a signal.\n"
			"It runs beside the command, as the same user, in the same cgroup and "
			"with the same environment, and\n"
			".Ev MAINPID .") },
	{ .name = "start_timeout", .type = KEY_SPAN, AT(rules.start_timeout), .max = DAY_MS,
		.unset = DOC("30s"),
		.doc = DOC("A oneshot that has not ended, or a service that is not ready, "
			"within this time is stopped and has failed.\n"
			"A reload that is not over by then has failed; the service goes on.\n"
			"0: no limit.") },
	{ .name = "start_limit", .type = KEY_COUNT, AT(rules.start_limit),
		.max = MACHINE_STARTS_MAX,
		.unset = DOC("0"),
		.doc = DOC("Number of automatic restarts within\n"
			".Ic start_limit_interval ;\n"
			"one more fails the service for good.\n"
			"0: no limit.") },
	{ .name = "start_limit_interval", .type = KEY_SPAN, AT(rules.start_limit_interval),
		.max = 365ull * DAY_MS,
		.unset = DOC("10s"),
		.doc = DOC("The time in which\n"
			".Ic start_limit\n"
			"counts.") },
	{ .name = "start_limit_action", .type = KEY_CHOICE, AT(start_limit_action),
		.choices = action_choices,
		.unset = DOC("none"),
		.doc = DOC("Action when\n"
			".Ic start_limit\n"
			"is hit.\n"
			".Cm none :\n"
			"the service stays failed.\n"
			".Cm reboot :\n"
			"the guest shuts down and restarts, which ends the virtual machine.\n"
			".Cm exit :\n"
			"the same, after the console line\n"
			".Dq guest exit code Ar N .") },
	{ .name = "start_limit_exit_code", .type = KEY_COUNT, AT(start_limit_exit_code),
		.max = 255,
		.unset = DOC("1"),
		.doc = DOC("The number in that line.") },
	{ .name = "after", .type = KEY_WORDS, AT(after),
		.unset = DOC("none"),
		.doc = DOC("Services that this one starts after: it waits until each is up, has "
			"failed once, or is not going to start.\n"
			"At shutdown this one stops before them.") },
	{ .name = "requires", .type = KEY_WORDS, AT(requires),
		.unset = DOC("none"),
		.doc = DOC("Services that must be up before this one starts.\n"
			"If one of them fails for good, so does this one.\n"
			"Later failures of theirs do not affect it.\n"
			"At shutdown this one stops before them.") },
	{ .name = "ready", .type = KEY_CHOICE, AT(rules.ready), .choices = ready_choices,
		.unset = DOC("started"),
		.doc = DOC("When the service counts as up.\n"
			".Cm started :\n"
			"its program runs.\n"
			"Where other services come after it, the program has also waited for\n"
			"something, or run for 0.1 s: one that fails at once was never up.\n"
			".Cm notify :\n"
			"it has sent\n"
			".Li READY=1\n"
			"to the datagram socket that the variable\n"
			".Ev NOTIFY_SOCKET\n"
			"names, as\n"
			".Fn sd_notify\n"
			"does.\n"
			"Each start has a new socket of its own.\n"
			"The sender may be a helper that has ended since;\n"
			"messages from processes of other services are ignored.\n"
			".Cm healthy :\n"
			"the health check of the same name has passed once.") },
	{ .name = "watchdog", .type = KEY_SPAN, AT(rules.watchdog), .max = DAY_MS,
		.unset = DOC("0"),
		.doc = DOC("A service that is up has to send\n"
			".Li WATCHDOG=1\n"
			"to\n"
			".Ev NOTIFY_SOCKET\n"
			"at least this often;\n"
			".Ev WATCHDOG_USEC\n"
			"has the time.\n"
			"Otherwise it gets ABRT, then KILL after\n"
			".Ic stop_timeout ,\n"
			"and has failed.\n"
			"Time while the guest is frozen for a snapshot does not count.\n"
			"0: no watchdog.") },
	{ .name = "unhealthy_restart_after", .type = KEY_COUNT, AT(unhealthy_restart_after),
		.max = 1000000,
		.unset = DOC("0"),
		.doc = DOC("The service is restarted after so many failures in a row of the "
			"health check of the same name.\n"
			"0: never.") },
	{ .name = "on_boot_delay", .type = KEY_SPAN, AT(on_boot_delay),
		.max = 365ull * DAY_MS,
		.unset = DOC("none"),
		.doc = DOC("The service starts this long after boot instead of at boot.") },
	{ .name = "on_interval", .type = KEY_SPAN, AT(on_interval), .max = 365ull * DAY_MS,
		.unset = DOC("none"),
		.doc = DOC("The service starts repeatedly at this interval, first after\n"
			".Ic on_boot_delay\n"
			"or, without it, one interval after boot.\n"
			"A start that is due while it still runs is skipped.") },
	{ .name = "no_new_privs", .type = KEY_BOOL, AT(no_new_privs),
		.unset = DOC("yes"),
		.doc = DOC("Programs gain no privileges from set-user-ID bits or file "
			"capabilities.\n"
			"See\n"
			".Xr prctl 2 .") },
	{ .name = "capabilities", .type = KEY_CAPS, AT(ambient), FLAG(capabilities_set),
		.unset = DOC("none; all for root"),
		.doc = DOC("Capabilities\n"
			".Pq Xr capabilities 7\n"
			"that the command has without being root, such as\n"
			".Cm net_bind_service ;\n"
			"also\n"
			".Cm none\n"
			"and\n"
			".Cm all .\n"
			"Its bounding set has no others.") },
	{ .name = "seccomp", .type = KEY_CHOICE, AT(tier), .choices = tier_choices,
		.unset = DOC("unrestricted"),
		.doc = DOC("The tier of system calls that the command may make; see\n"
			".Sx SYSTEM CALLS .\n"
			"All tiers but\n"
			".Cm unrestricted\n"
			"need\n"
			".Ic no_new_privs .") },
	{ .name = "private_tmp", .type = KEY_BOOL, AT(sandbox.private_tmp),
		.unset = DOC("no"),
		.doc = DOC("The command has a\n"
			".Pa /tmp\n"
			"and a\n"
			".Pa /var/tmp\n"
			"of its own, empty at each start and removed with its last process; see\n"
			".Sx FILES THAT A SERVICE SEES .") },
	{ .name = "read_only_paths", .type = KEY_PATHS, AT(sandbox.read_only),
		.unset = DOC("none"),
		.doc = DOC("Files and directories that the command cannot change, including "
			"all mounts below them.\n"
			"The start fails if one does not exist, unless\n"
			".Ql -\n"
			"precedes it.\n"
			"See\n"
			".Sx FILES THAT A SERVICE SEES .") },
	{ .name = "nice", .type = KEY_SIGNED, AT(nice), FLAG(set_nice), .min = -20,
		.max = 19,
		.unset = DOC("0"),
		.doc = DOC("Nice value.") },
	{ .name = "oom_score_adj", .type = KEY_SIGNED, AT(oom_score), FLAG(set_oom_score),
		.min = -1000, .max = 1000,
		.unset = DOC("0"),
		.doc = DOC("Adjustment of the score by which the kernel chooses a process to "
			"kill when memory runs out.\n"
			"See\n"
			".Xr proc 5 .") },
	{ .name = "umask", .type = KEY_OCTAL, AT(umask), FLAG(set_umask), .max = 0777,
		.unset = DOC("022"),
		.doc = DOC("File mode creation mask.") },
	{ .name = "memory_max", .type = KEY_SIZE, AT(cgroup.memory_max), .max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Largest amount of memory.\n"
			"If no more can be freed, the kernel kills the whole service.") },
	{ .name = "memory_high", .type = KEY_SIZE, AT(cgroup.memory_high), .max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Above this amount of memory the service is slowed down and its "
			"memory reclaimed.") },
	{ .name = "memory_swap_max", .type = KEY_SIZE, AT(cgroup.memory_swap_max),
		.max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Largest amount of swap space.") },
	{ .name = "cpu_max", .type = KEY_PERCENT, AT(cgroup.cpu_max), .max = 100000,
		.unset = DOC("no limit"),
		.doc = DOC("Largest share of CPU time;\n"
			".Cm 150%\n"
			"is one and a half CPUs.") },
	{ .name = "cpu_weight", .type = KEY_WIDE, AT(cgroup.cpu_weight), .min = 1,
		.max = 10000,
		.unset = DOC("100"),
		.doc = DOC("Relative share of the CPU when services want more than there is.") },
	{ .name = "tasks_max", .type = KEY_WIDE, AT(cgroup.tasks_max), .min = 1,
		.max = INT32_MAX,
		.unset = DOC("no limit"),
		.doc = DOC("Largest number of processes and threads.") },
	LIMIT("limit_nofile", RLIMIT_NOFILE, "1024:524288", "Open files."),
	LIMIT("limit_nproc", RLIMIT_NPROC, "the kernel's", "Processes and threads of the user."),
	LIMIT("limit_core", RLIMIT_CORE, "the kernel's", "Size of a core file."),
	LIMIT("limit_fsize", RLIMIT_FSIZE, "the kernel's", "Size of a file that the process writes."),
	LIMIT("limit_memlock", RLIMIT_MEMLOCK, "the kernel's", "Locked memory."),
	LIMIT("limit_stack", RLIMIT_STACK, "the kernel's", "Stack."),
	LIMIT("limit_as", RLIMIT_AS, "the kernel's", "Address space."),
	LIMIT("limit_data", RLIMIT_DATA, "the kernel's", "Data segment."),
	LIMIT("limit_cpu", RLIMIT_CPU, "the kernel's", "CPU time, in seconds."),
	LIMIT("limit_sigpending", RLIMIT_SIGPENDING, "the kernel's", "Queued signals of the user."),
	LIMIT("limit_msgqueue", RLIMIT_MSGQUEUE, "the kernel's", "Message queues of the user."),
	LIMIT("limit_nice", RLIMIT_NICE, "the kernel's", "20 minus the lowest nice value."),
	LIMIT("limit_rtprio", RLIMIT_RTPRIO, "the kernel's", "Highest real-time priority."),
};
/* clang-format on */

const size_t service_key_count = sizeof(service_keys) / sizeof(service_keys[0]);

_Static_assert(sizeof(service_keys) / sizeof(service_keys[0]) <= 64,
	"`seen` of service_config_set() has a bit for each key");
