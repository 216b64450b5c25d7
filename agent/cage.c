/* SPDX-License-Identifier: MIT */
#include "agent/cage.h"

#include "base/log.h"
#include "base/problem.h"
#include "base/spawn.h"
#include "base/syscall_cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- capabilities ---------------------------------------------------------------------------- */

/* Returns 0 or -errno. Other processes of the agent's user then cannot trace it or read its memory.
 */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0 } };

	(void)spawn_drop_bounding(0); /* fails without CAP_SETPCAP, which does no harm */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
		syscall(SYS_capset, &header, none) != 0)
		return -errno;
	if (SYSCALL_CAGE_WORKS) /* a sanitizer's leak check is a tracer */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* linux/landlock.h, which older headers do not have. */
#define LANDLOCK_EXECUTE     (1ULL << 0)
#define LANDLOCK_WRITE_FILE  (1ULL << 1)
#define LANDLOCK_READ_FILE   (1ULL << 2)
#define LANDLOCK_READ_DIR    (1ULL << 3)
#define LANDLOCK_REMOVE_DIR  (1ULL << 4)
#define LANDLOCK_REMOVE_FILE (1ULL << 5)
#define LANDLOCK_MAKE_DIR    (1ULL << 7)
#define LANDLOCK_MAKE_REG    (1ULL << 8)
#define LANDLOCK_ALL         ((1ULL << 13) - 1) /* all rights of its first version */
#define LANDLOCK_READ        (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)

#define SYS_LANDLOCK_CREATE_RULESET 444 /* on every architecture */
#define SYS_LANDLOCK_ADD_RULE       445
#define SYS_LANDLOCK_RESTRICT_SELF  446

struct landlock_ruleset {
	uint64_t handled;
};

struct landlock_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/*
 * The directories that the agent needs. Drives below /mnt are mounted again after a restore; a rule
 * on a directory also covers file systems that are mounted below it later.
 */
static const struct {
	const char *path;
	uint64_t allowed;
} places[] = {
	{ "/etc", LANDLOCK_READ },
	{ "/mnt", LANDLOCK_READ },
	{ "/proc", LANDLOCK_READ },
	{ "/run", LANDLOCK_READ },
	{ "/sys", LANDLOCK_READ },
	{ "/sys/fs/cgroup",
		LANDLOCK_READ | LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_DIR },
};

static void allow(int ruleset, const char *directory, uint64_t allowed)
{
	struct landlock_beneath rule = { .allowed = allowed };

	rule.parent_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return; /* a missing directory needs no rule */
	(void)syscall(SYS_LANDLOCK_ADD_RULE, ruleset, 1, &rule, 0);
	close(rule.parent_fd);
}

/* The directory of a file, which may be replaced. */
static void allow_around(int ruleset, const char *file, uint64_t allowed)
{
	char directory[256];
	const char *slash = strrchr(file, '/');
	size_t len = slash != NULL ? (size_t)(slash - file) : 0;

	if (len == 0 || len >= sizeof(directory))
		return;
	memcpy(directory, file, len);
	directory[len] = '\0';
	allow(ruleset, directory, allowed);
}

/* Returns 0, or -errno: EOPNOTSUPP or ENOSYS if the kernel lacks Landlock. */
static int restrict_files(const struct agent_paths *p)
{
	const struct landlock_ruleset handled = { LANDLOCK_ALL };
	const char *const read_only[] = { p->integrations, p->probes, p->policy, p->host_config,
		p->entrypoint };
	int ruleset = (int)syscall(SYS_LANDLOCK_CREATE_RULESET, &handled, sizeof(handled), 0), err;

	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		allow(ruleset, places[i].path, places[i].allowed);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
		allow_around(ruleset, read_only[i], LANDLOCK_READ);
	allow_around(ruleset, p->history,
		LANDLOCK_READ | LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_REG | LANDLOCK_REMOVE_FILE);
	err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
			      syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0
		      ? -errno
		      : 0;
	close(ruleset);
	return err;
}

/* ---- system calls ---------------------------------------------------------------------------- */

#define ANY(name)                                                                                  \
	{                                                                                          \
		__NR_##name, SYSCALL_CAGE_ANY                                                      \
	}

/* The calls of musl on x86-64 and arm64, and of glibc for the tests. */
/* clang-format off */
static const struct syscall_cage_rule rules[] = {
	/* waiting, and time */
	ANY(epoll_ctl), ANY(epoll_pwait), ANY(ppoll), ANY(clock_gettime), ANY(gettimeofday),
	ANY(wait4), ANY(waitid), ANY(restart_syscall), ANY(sched_yield),
#ifdef __x86_64__
	ANY(epoll_wait), ANY(poll), ANY(time),
#endif

	/* connections, pipes, and the starter */
	{ __NR_socket, SYSCALL_CAGE_SOCKET },
	ANY(bind), ANY(listen), ANY(accept), ANY(accept4), ANY(connect), ANY(shutdown),
	ANY(getsockname), ANY(getpeername), ANY(getsockopt), ANY(setsockopt),
	ANY(recvfrom), ANY(recvmsg), ANY(sendto), ANY(sendmsg), ANY(pipe2),
	ANY(read), ANY(write), ANY(readv), ANY(writev), ANY(close), ANY(fcntl), ANY(dup),
	{ __NR_ioctl, SYSCALL_CAGE_WINDOW },

	/* files: definitions, policy, history, /proc, cgroups */
	ANY(openat), ANY(fstat), ANY(newfstatat), ANY(faccessat), ANY(getdents64), ANY(lseek),
	ANY(pread64), ANY(fchmod), ANY(readlinkat), ANY(mkdirat), ANY(unlinkat), ANY(renameat2),
#ifdef __x86_64__
	ANY(open), ANY(stat), ANY(lstat), ANY(access), ANY(rename), ANY(unlink), ANY(readlink),
#else
	ANY(renameat),
#endif

	/* memory */
	{ __NR_mmap, SYSCALL_CAGE_NOT_RUNNABLE }, { __NR_mprotect, SYSCALL_CAGE_NOT_RUNNABLE },
	ANY(munmap), ANY(mremap), ANY(madvise), ANY(brk),

	/* itself and the guest */
	ANY(getpid), ANY(gettid), ANY(geteuid), ANY(getuid), ANY(getgid), ANY(getegid),
	ANY(getrandom), ANY(getrusage), ANY(sysinfo), ANY(sched_getaffinity),
	ANY(rt_sigaction), ANY(rt_sigprocmask), ANY(rt_sigreturn), ANY(futex),
	ANY(exit), ANY(exit_group),
};
/* clang-format on */

_Static_assert(sizeof(rules) / sizeof(rules[0]) <= SYSCALL_CAGE_MAX, "they fit into a filter");

static void restrict_calls(const struct agent_paths *paths)
{
	int err = restrict_files(paths);

	if (err != 0 && err != -ENOSYS && err != -EOPNOTSUPP)
		log_line("cannot restrict its files (Landlock): %s", problem_errno_text(-err));
	err = syscall_cage_enter("mvm-guest-agent", rules, sizeof(rules) / sizeof(rules[0]));
	if (err != 0)
		log_line("no filter of system calls: %s", problem_errno_text(-err));
}

void cage_enter(const struct agent_paths *paths, bool has_starter)
{
	int err;

	if (!has_starter)
		return;
	err = drop_capabilities();
	if (err != 0)
		log_line("cannot give up its capabilities: %s", problem_errno_text(-err));
	if (SYSCALL_CAGE_WORKS)
		restrict_calls(paths);
}
