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
/* Each with and without SIG, in the order of service_config_stop_signal(). */
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
		.doc = DOC("The command line that the service is.\n"
			"See\n"
			".Sx COMMAND LINES .") },
	{ .name = "pre_start", .type = KEY_COMMAND, AT(pre_start),
		.unset = DOC("none"),
		.doc = DOC("A command line that runs as root, in\n"
			".Pa / ,\n"
			"with the service's environment, before every start of the command.\n"
			"When it fails, or takes longer than 60 seconds, that start has "
			"failed.") },
	{ .name = "user", .type = KEY_TEXT, AT(user),
		.unset = DOC("the service group's user"),
		.doc = DOC("Name or number of the user that the command runs as.\n"
			"It is root only where this key says so.") },
	{ .name = "supplementary_groups", .type = KEY_WORDS, AT(supplementary_groups),
		.unset = DOC("none"),
		.doc = DOC("Names or numbers of groups, beside those that\n"
			".Pa /etc/group\n"
			"lists the user in.") },
	{ .name = "log_file", .type = KEY_PATH, AT(log_file),
		.unset = DOC("the console"),
		.doc = DOC("File that standard output and standard error are appended to.\n"
			"Directories that are missing are made.\n"
			"A symbolic link, or a file that has a second name, is not written to.\n"
			"When it cannot be written to, the console says so, and afterwards how "
			"much was lost.\n"
			"Each process gets descriptors of its own: flags such as O_NONBLOCK "
			"that one sets are not there for the next.\n"
			".Pa /dev/stdout , /dev/stderr , /dev/console ,\n"
			"their names in\n"
			".Pa /proc\n"
			"and a link to one of them are the console, as without this key.\n"
			"Without this key every line goes to the console, behind the name of "
			"the service.") },
	{ .name = "log_max_size", .type = KEY_SIZE, AT(log_max_size), .max = INT64_MAX,
		.unset = DOC("0"),
		.doc = DOC("Size, in bytes (K, M, G, T), at which the log file is renamed to\n"
			".Ar FILE Ns .1\n"
			"and a new one begun; 0 means never.\n"
			"One that cannot be renamed grows.") },
	{ .name = "log_keep", .type = KEY_COUNT, AT(log_keep), .max = 100,
		.unset = DOC("3"),
		.doc = DOC("How many renamed log files are kept.") },
	{ .name = "working_directory", .type = KEY_PATH, AT(working_directory),
		.unset = DOC("/"),
		.doc = DOC("Directory that the command starts in.") },
	{ .name = "environment_file", .type = KEY_MAYBE, AT(environment_file),
		.unset = DOC("none"),
		.doc = DOC("File with a\n"
			".Ar NAME Ns = Ns Ar VALUE\n"
			"on each line, by the rules of\n"
			".Sx ENVIRONMENT .\n"
			"It must exist, unless\n"
			".Ql -\n"
			"stands in front of it; it is read at boot, and again when the service "
			"file has changed or a snapshot is restored.\n"
			"When it cannot be read after a snapshot, the variables stay as they "
			"were.") },
	{ .name = "type", .type = KEY_CHOICE, AT(rules.type), .choices = type_choices,
		.unset = DOC("simple"),
		.doc = DOC(".Cm simple :\n"
			"the command is the service.\n"
			".Cm oneshot :\n"
			"the command does its work and ends; the service is up once it has "
			"ended successfully.\n"
			".Cm forking :\n"
			"the command starts a daemon and ends; the service is up once it has "
			"ended successfully, for as long as a process of its cgroup is there.\n"
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
		.doc = DOC("Where the doubling ends.\n"
			"A failure that no new attempt can heal, such as a program that does "
			"not exist, waits this long at once.") },
	{ .name = "stop_timeout", .type = KEY_SPAN, AT(rules.stop_timeout), .max = DAY_MS,
		.unset = DOC("1s"),
		.doc = DOC("Time from TERM to KILL when the service is stopped.\n"
			"TERM is followed by CONT, and a frozen cgroup is thawed for it.\n"
			"A shutdown waits for 1 second at most.") },
	{ .name = "stop_signal", .type = KEY_CHOICE, AT(stop_signal), .choices = signal_choices,
		.unset = DOC("TERM"),
		.doc = DOC("Signal that asks the command to end, in place of TERM.\n"
			"PostgreSQL wants INT, nginx QUIT.") },
	{ .name = "start_timeout", .type = KEY_SPAN, AT(rules.start_timeout), .max = DAY_MS,
		.unset = DOC("30s"),
		.doc = DOC("A oneshot that has not ended by then, and a service that is not "
			"ready by then, is stopped and has failed.\n"
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
		.doc = DOC("What follows when\n"
			".Ic start_limit\n"
			"is hit.\n"
			".Cm none :\n"
			"the service stays failed.\n"
			".Cm reboot :\n"
			"the guest shuts down and restarts, which ends the virtual machine.\n"
			".Cm exit :\n"
			"likewise, after the console line\n"
			".Dq guest exit code Ar N .") },
	{ .name = "start_limit_exit_code", .type = KEY_COUNT, AT(start_limit_exit_code),
		.max = 255,
		.unset = DOC("1"),
		.doc = DOC("The number in that line.") },
	{ .name = "after", .type = KEY_WORDS, AT(after),
		.unset = DOC("none"),
		.doc = DOC("Services that this one starts behind: each is up, has failed once, "
			"or is not going to start.\n"
			"At shutdown this one stops before them.") },
	{ .name = "requires", .type = KEY_WORDS, AT(requires),
		.unset = DOC("none"),
		.doc = DOC("Services that must be up before this one starts.\n"
			"When one of them has failed for good, so has this one.\n"
			"What happens to them later does not touch it.\n"
			"At shutdown this one stops before them.") },
	{ .name = "ready", .type = KEY_CHOICE, AT(rules.ready), .choices = ready_choices,
		.unset = DOC("started"),
		.doc = DOC("When the service counts as up.\n"
			".Cm started :\n"
			"its program runs.\n"
			".Cm notify :\n"
			"it has sent\n"
			".Li READY=1\n"
			"to the datagram socket that the variable\n"
			".Ev NOTIFY_SOCKET\n"
			"names, as\n"
			".Fn sd_notify\n"
			"does.\n"
			"The socket is the service's own, and new for each start.\n"
			"The sender may be a helper that has ended since;\n"
			"a process of another service is not believed.\n"
			".Cm healthy :\n"
			"the health check of the same name has passed once.") },
	{ .name = "watchdog", .type = KEY_SPAN, AT(rules.watchdog), .max = DAY_MS,
		.unset = DOC("0"),
		.doc = DOC("A service that is up has to send\n"
			".Li WATCHDOG=1\n"
			"to\n"
			".Ev NOTIFY_SOCKET\n"
			"within each such time, which\n"
			".Ev WATCHDOG_USEC\n"
			"tells it; one that does not gets ABRT, after\n"
			".Ic stop_timeout\n"
			"KILL, and has failed.\n"
			"Time in which the guest is frozen for a snapshot does not count.\n"
			"0: no watchdog.") },
	{ .name = "unhealthy_restart_after", .type = KEY_COUNT, AT(unhealthy_restart_after),
		.max = 1000000,
		.unset = DOC("0"),
		.doc = DOC("Number of failures in a row of the health check of the same name, "
			"after which the service is restarted.\n"
			"0: never.") },
	{ .name = "on_boot_delay", .type = KEY_SPAN, AT(on_boot_delay),
		.max = 365ull * DAY_MS,
		.unset = DOC("none"),
		.doc = DOC("The service starts this long after boot, and not at boot.") },
	{ .name = "on_interval", .type = KEY_SPAN, AT(on_interval), .max = 365ull * DAY_MS,
		.unset = DOC("none"),
		.doc = DOC("The service starts again and again at this interval, for the first "
			"time after\n"
			".Ic on_boot_delay\n"
			"or, without it, one interval after boot.\n"
			"A turn that comes while it still runs is left out.") },
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
			"that the command has although it does not run as root, such as\n"
			".Cm net_bind_service ;\n"
			"also\n"
			".Cm none\n"
			"and\n"
			".Cm all .\n"
			"No others stay in its bounding set.") },
	{ .name = "seccomp", .type = KEY_CHOICE, AT(tier), .choices = tier_choices,
		.unset = DOC("unrestricted"),
		.doc = DOC("The tier of system calls that the command may make; see\n"
			".Sx SYSTEM CALLS .\n"
			"All but\n"
			".Cm unrestricted\n"
			"need\n"
			".Ic no_new_privs .") },
	{ .name = "private_tmp", .type = KEY_BOOL, AT(sandbox.private_tmp),
		.unset = DOC("no"),
		.doc = DOC("The command has a\n"
			".Pa /tmp\n"
			"and a\n"
			".Pa /var/tmp\n"
			"of its own, empty at each start and gone with its last process; see\n"
			".Sx FILES THAT A SERVICE SEES .") },
	{ .name = "read_only_paths", .type = KEY_PATHS, AT(sandbox.read_only),
		.unset = DOC("none"),
		.doc = DOC("Files and directories that the command cannot change, with all that "
			"is mounted below them.\n"
			"The start fails when one does not exist, unless\n"
			".Ql -\n"
			"stands in front of it.\n"
			"See\n"
			".Sx FILES THAT A SERVICE SEES .") },
	{ .name = "nice", .type = KEY_SIGNED, AT(nice), FLAG(set_nice), .min = -20,
		.max = 19,
		.unset = DOC("0"),
		.doc = DOC("Nice value.") },
	{ .name = "oom_score_adj", .type = KEY_SIGNED, AT(oom_score), FLAG(set_oom_score),
		.min = -1000, .max = 1000,
		.unset = DOC("0"),
		.doc = DOC("Adjustment of the score by which the kernel chooses what to end when "
			"memory runs out.\n"
			"See\n"
			".Xr proc 5 .") },
	{ .name = "umask", .type = KEY_OCTAL, AT(umask), FLAG(set_umask), .max = 0777,
		.unset = DOC("022"),
		.doc = DOC("File mode creation mask.") },
	{ .name = "memory_max", .type = KEY_SIZE, AT(cgroup.memory_max), .max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Memory.\n"
			"When nothing more can be freed, the kernel ends the whole service.") },
	{ .name = "memory_high", .type = KEY_SIZE, AT(cgroup.memory_high), .max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Memory, from which on the service is slowed down and its memory "
			"reclaimed.") },
	{ .name = "memory_swap_max", .type = KEY_SIZE, AT(cgroup.memory_swap_max),
		.max = INT64_MAX,
		.unset = DOC("infinity"),
		.doc = DOC("Swap space.") },
	{ .name = "cpu_max", .type = KEY_PERCENT, AT(cgroup.cpu_max), .max = 100000,
		.unset = DOC("no limit"),
		.doc = DOC("CPU time;\n"
			".Cm 150%\n"
			"is one CPU and a half.") },
	{ .name = "cpu_weight", .type = KEY_WIDE, AT(cgroup.cpu_weight), .min = 1,
		.max = 10000,
		.unset = DOC("100"),
		.doc = DOC("Share of the CPU among services that want more than there is.") },
	{ .name = "tasks_max", .type = KEY_WIDE, AT(cgroup.tasks_max), .min = 1,
		.max = INT32_MAX,
		.unset = DOC("no limit"),
		.doc = DOC("Number of processes and threads.") },
	LIMIT("limit_nofile", RLIMIT_NOFILE, "1024:524288", "Open files."),
	LIMIT("limit_nproc", RLIMIT_NPROC, "the kernel's", "Processes and threads of the user."),
	LIMIT("limit_core", RLIMIT_CORE, "the kernel's", "Size of a core file."),
	LIMIT("limit_fsize", RLIMIT_FSIZE, "the kernel's", "Size of a file that is written."),
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
