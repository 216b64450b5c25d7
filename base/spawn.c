/* SPDX-License-Identifier: MIT */
#include "base/spawn.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

#define CAPABILITIES_MAX 64
#define SHELL_WORDS_MAX  512 /* of a script without "#!", including /bin/sh */
#define SIGNALS_MAX      64  /* _NSIG of x86-64 and arm64 */

const char *spawn_stage_name(uint32_t stage)
{
	static const char *const names[] = {
		[SPAWN_SESSION] = "new session",
		[SPAWN_SIGNALS] = "signals",
		[SPAWN_STDIO] = "standard input and output",
		[SPAWN_CGROUP] = "cgroup",
		[SPAWN_LIMITS] = "resource limits",
		[SPAWN_NICE] = "nice value",
		[SPAWN_OOM_SCORE] = "oom_score_adj",
		[SPAWN_PREPARE] = "private mounts",
		[SPAWN_GROUPS] = "supplementary groups",
		[SPAWN_GID] = "group id",
		[SPAWN_BOUNDING] = "capability bounding set",
		[SPAWN_UID] = "user id",
		[SPAWN_AMBIENT] = "ambient capabilities",
		[SPAWN_DIRECTORY] = "working directory",
		[SPAWN_NO_NEW_PRIVS] = "no_new_privs",
		[SPAWN_SECCOMP] = "seccomp filter",
		[SPAWN_EXEC] = "exec",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == SPAWN_STAGES, "every stage has a name");

	return stage < SPAWN_STAGES ? names[stage] : "unknown stage";
}

bool spawn_failure_is_permanent(const struct spawn_failure *f)
{
	if (f->stage == SPAWN_EXEC)
		return f->error == ENOENT || f->error == EACCES || f->error == ENOEXEC ||
		       f->error == ENOTDIR || f->error == EISDIR || f->error == ELOOP ||
		       f->error == EPERM || f->error == E2BIG;
	return (f->stage == SPAWN_DIRECTORY || f->stage == SPAWN_PREPARE) &&
	       (f->error == ENOENT || f->error == ENOTDIR);
}

int spawn_exit_code(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

/* ---- the child ------------------------------------------------------------------------------- */

/*
 * execve(2) resets handlers, but ignored signals stay ignored. The raw call also accepts the
 * signals that the C library reserves. An all-zero struct sigaction of the kernel is SIG_DFL.
 */
static int reset_signals(uint64_t handled)
{
	static const unsigned long zero[8];
	sigset_t none;

	for (long signal = 1; handled != 0; signal++, handled >>= 1)
		if (handled & 1)
			syscall(SYS_rt_sigaction, signal, zero, NULL,
				SIGNALS_MAX / 8); /* KILL and STOP refuse */
	sigemptyset(&none);
	return result(sigprocmask(SIG_SETMASK, &none, NULL));
}

/* Give descriptor `from` the number `to`, without close-on-exec. */
static int place(int from, int to)
{
	if (from == to)
		return result(fcntl(from, F_SETFD, 0));
	return result(dup2(from, to));
}

/* First move sources away whose numbers are needed for targets. */
static int place_descriptors(const struct spawn_request *r)
{
	int from[3 + SPAWN_FDS_MAX], count = 3 + (int)r->fd_count;

	if (count > (int)(sizeof(from) / sizeof(from[0])))
		return -EMFILE;
	for (int i = 0; i < count; i++) {
		from[i] = i < 3 ? r->stdio[i] : r->fds[i - 3];
		if (from[i] < count && from[i] != i) {
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, count);
			if (from[i] < 0)
				return -errno;
		}
	}
	for (int i = 0; i < count; i++) {
		int err = place(from[i], i);

		if (err != 0)
			return err;
	}
	return 0;
}

static int join_cgroup(int cgroup_fd)
{
	int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = result(write(fd, "0", 1));
	close(fd);
	return err;
}

static int set_limits(const struct spawn_request *r)
{
	for (size_t i = 0; i < r->limit_count; i++)
		if (prlimit(0, (__typeof__(RLIMIT_NOFILE))r->limits[i].resource,
			    &r->limits[i].value, NULL) != 0)
			return -errno;
	return 0;
}

/*
 * proc(5): files of a process that must not be dumped are root's. A child of the agent's starter is
 * not root yet, but has CAP_SETUID. Each child before it that changed its user has set the shared
 * value to that of fs.suid_dumpable, which may be 2.
 */
static int open_oom_score(void)
{
	bool is_roots = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1 && geteuid() != 0;
	int fd;

	if (is_roots)
		syscall(SYS_setfsuid, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (is_roots)
		syscall(SYS_setfsuid, geteuid());
	return fd;
}

static int set_oom_score(int score)
{
	char text[16];
	size_t len = buf_format(text, sizeof(text), "%d", score);
	int fd = open_oom_score();
	int err;

	if (fd < 0)
		return -errno;
	err = result(write(fd, text, len));
	close(fd);
	return err;
}

/*
 * capabilities(7): EINVAL means a capability above the kernel's last one, which ends the loop. A
 * caller without CAP_SETPCAP gets EPERM even for a capability that is not in the set.
 */
int spawn_drop_bounding(uint64_t keep)
{
	for (unsigned int cap = 0; cap < CAPABILITIES_MAX; cap++) {
		if ((keep >> cap & 1) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;
		if (errno != EPERM || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return -errno;
	}
	return 0;
}

/*
 * Set exactly `caps` in every set, even if there are none: setresuid(2) from one uid other than 0
 * to another clears nothing, and the program would get a privileged caller's capabilities.
 */
static int set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted = data[i].inheritable =
			(uint32_t)(caps >> (32 * i));
	}
	if (syscall(SYS_capset, &header, data) != 0)
		return -errno;
	for (unsigned int cap = 0; cap < CAPABILITIES_MAX; cap++)
		if ((caps >> cap & 1) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			return -errno;
	return 0;
}

/*
 * capabilities(7): setresuid(2) from uid 0 to other uids clears the permitted, effective and
 * ambient sets, unless a securebit says otherwise. It leaves the inheritable set.
 */
static bool setresuid_clears_all(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return getuid() == 0 && geteuid() == 0 && prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == 0 &&
	       syscall(SYS_capget, &header, data) == 0 &&
	       (data[0].inheritable | data[1].inheritable) == 0;
}

/*
 * The signals that are ignored, which CLONE_CLEAR_SIGHAND leaves so. The raw call also tells of
 * those that the C library keeps to itself; the handler is the first member of the kernel's struct.
 */
static uint64_t ignored_signals(void)
{
	uint64_t set = 0;

	for (long signal = 1; signal < SIGNALS_MAX; signal++) {
		unsigned long action[8] = { 0 };

		if (syscall(SYS_rt_sigaction, signal, NULL, action, SIGNALS_MAX / 8) == 0 &&
			action[0] == (unsigned long)SIG_IGN)
			set |= (uint64_t)1 << (signal - 1);
	}
	return set;
}

void spawn_look_at_caller(struct spawn_child *child)
{
	char directory[2];

	child->is_at_root = getcwd(directory, sizeof(directory)) != NULL;
	child->loses_capabilities = setresuid_clears_all();
	child->handled = ignored_signals();
}

/* Raw system calls: the C library's wrappers would also change other threads. */
static int become_user(
	const struct spawn_request *r, const struct spawn_child *child, uint32_t *stage)
{
	const struct account *u = r->user;
	bool ambient = r->ambient != 0 && u->uid != 0;
	int err;

	*stage = SPAWN_GROUPS;
	if (syscall(SYS_setgroups, u->group_count, u->groups) != 0)
		return -errno;
	*stage = SPAWN_GID;
	if (u->gid == (gid_t)-1) /* the kernel would not change it */
		return -EINVAL;
	if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) != 0)
		return -errno;
	*stage = SPAWN_BOUNDING;
	if (!child->bounding_dropped && (err = spawn_drop_bounding(r->bounding)) != 0)
		return err;
	*stage = SPAWN_UID;
	if (u->uid == (uid_t)-1)
		return -EINVAL;
	if (ambient && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return -errno;
	if (syscall(SYS_setresuid, u->uid, u->uid, u->uid) != 0)
		return -errno;
	*stage = SPAWN_AMBIENT;
	if (u->uid == 0 || (r->ambient == 0 && child->loses_capabilities))
		return 0;
	return set_capabilities(r->ambient);
}

const char *spawn_path_of(char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return SPAWN_DEFAULT_PATH;
}

/* True if the first line of a file has no NUL byte, the test by which shells recognize text. */
static bool is_text(const char *file)
{
	char head[128];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	close(fd);
	for (ssize_t i = 0; i < n && head[i] != '\n'; i++)
		if (head[i] == '\0')
			return false;
	return n >= 0;
}

/* Run a text without "#!" by the shell, as execvp(3) does. Returns only on failure. */
static int exec_by_shell(const struct spawn_request *r, char *file)
{
	static char shell[] = "/bin/sh";
	char *argv[SHELL_WORDS_MAX];
	size_t n = 0;

	if (!is_text(file))
		return -ENOEXEC;
	argv[n++] = shell;
	argv[n++] = file;
	for (char *const *word = r->argv + 1; *word != NULL; word++) {
		if (n == SHELL_WORDS_MAX - 1)
			return -E2BIG;
		argv[n++] = *word;
	}
	argv[n] = NULL;
	execve(shell, argv, r->envp);
	return -ENOEXEC;
}

static int exec_file(const struct spawn_request *r, char *file)
{
	execve(file, r->argv, r->envp);
	return errno == ENOEXEC ? exec_by_shell(r, file) : -errno;
}

/* As execvpe(3), but with PATH of the new environment. */
static int exec_along_path(const struct spawn_request *r)
{
	char *name = r->argv[0];
	const char *path = spawn_path_of(r->envp);
	size_t name_len = strlen(name);
	char file[PATH_MAX];
	int err = -ENOENT, failed;

	if (strchr(name, '/') != NULL)
		return exec_file(r, name);
	for (;; path++) {
		size_t n = strcspn(path, ":");

		if (n > 0 && n + 1 + name_len + 1 <= sizeof(file)) {
			memcpy(file, path, n);
			file[n] = '/';
			memcpy(file + n + 1, name, name_len + 1);
			failed = exec_file(r, file);
			if (failed == -EACCES)
				err = failed;
			else if (failed != -ENOENT && failed != -ENOTDIR)
				return failed;
		}
		path += n;
		if (*path == '\0')
			return err;
	}
}

/* Steps 1 to 5 of the header's list. */
static int set_up(const struct spawn_request *r, const struct spawn_child *child)
{
	struct spawn_failure *failure = child->failure;
	uint32_t *stage = &failure->stage;
	int err;

	*stage = SPAWN_SESSION;
	if (setsid() < 0)
		return -errno;
	*stage = SPAWN_SIGNALS;
	err = reset_signals(child->handled);
	if (err != 0)
		return err;
	*stage = SPAWN_CGROUP;
	if (r->cgroup_fd >= 0 && !child->in_cgroup && (err = join_cgroup(r->cgroup_fd)) != 0)
		return err;
	*stage = SPAWN_STDIO;
	err = place_descriptors(r);
	if (err == 0 && r->takes_terminal) /* ioctl_tty(2): only a session leader may */
		err = result(ioctl(STDIN_FILENO, TIOCSCTTY, 0));
	if (err != 0)
		return err;
	*stage = SPAWN_LIMITS;
	err = set_limits(r);
	if (err != 0)
		return err;
	*stage = SPAWN_NICE;
	if (r->set_nice && setpriority(PRIO_PROCESS, 0, r->nice) != 0)
		return -errno;
	*stage = SPAWN_OOM_SCORE;
	if (r->set_oom_score && (err = set_oom_score(r->oom_score)) != 0)
		return err;
	if (r->set_umask)
		umask(r->umask);
	*stage = SPAWN_PREPARE;
	return r->prepare != NULL ? r->prepare(r->prepare_arg, &failure->part) : 0;
}

/* Steps 6 to 9. Returns only when something failed. */
static int become_program(
	const struct spawn_request *r, const struct spawn_child *child, uint32_t *stage)
{
	int err;

	if (r->user != NULL && (err = become_user(r, child, stage)) != 0)
		return err;
	*stage = SPAWN_DIRECTORY;
	if ((r->directory != NULL || !child->is_at_root) &&
		chdir(r->directory != NULL ? r->directory : "/") != 0)
		return -errno;
	*stage = SPAWN_NO_NEW_PRIVS;
	if (r->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	*stage = SPAWN_SECCOMP;
	if (r->seccomp != NULL && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, r->seccomp, 0, 0) != 0)
		return -errno;
	*stage = SPAWN_EXEC;
	/* Before Linux 5.11 this fails, and only descriptors opened as close-on-exec are so. */
	if (!child->all_close_on_exec)
		syscall(SYS_close_range, 3 + r->fd_count, ~0U, CLOSE_RANGE_CLOEXEC);
	return exec_along_path(r);
}

int spawn_become(const struct spawn_request *r, const struct spawn_child *child)
{
	int err;

	*child->failure = (struct spawn_failure){ 0 };
	err = set_up(r, child);
	if (err == 0)
		err = become_program(r, child, &child->failure->stage);
	child->failure->error = -err;
	return err;
}

void spawn_end_child(void)
{
	_exit(SPAWN_EXIT_FAILED);
}

__attribute__((noreturn)) static void run_copy(
	const struct spawn_request *r, bool in_cgroup, int report)
{
	struct spawn_failure failure = { .stage = SPAWN_STDIO };
	struct spawn_child c = {
		.in_cgroup = in_cgroup, .handled = UINT64_MAX, .failure = &failure
	};

	/* The report pipe must not have a number that the program's descriptors need. */
	int moved = fcntl(report, F_DUPFD_CLOEXEC, 3 + (int)r->fd_count);

	if (moved < 0)
		failure.error = errno;
	else
		spawn_become(r, &c);
	(void)!write(moved < 0 ? report : moved, &failure, sizeof(failure));
	spawn_end_child();
}

/* ---- the parent ------------------------------------------------------------------------------ */

/*
 * clone3(2) starts the child inside the cgroup, so that all its children are inside, too. Kernels
 * before 5.7, and seccomp filters that hide clone3, refuse that; then the child joins by itself.
 */
static pid_t clone_child(const struct spawn_request *r, bool *in_cgroup)
{
	const uint64_t parent = r->as_sibling ? CLONE_PARENT : 0;

	*in_cgroup = false;
	if (r->cgroup_fd >= 0 && !r->join_cgroup) {
		/* clone(2): with CLONE_PARENT the signal is the caller's own, and none is given. */
		struct clone_args args = { .flags = CLONE_INTO_CGROUP | parent,
			.exit_signal = parent != 0 ? 0 : SIGCHLD,
			.cgroup = (uint64_t)r->cgroup_fd };
		long pid = syscall(SYS_clone3, &args, sizeof(args));

		if (pid >= 0) {
			*in_cgroup = true;
			return (pid_t)pid;
		}
		if (errno != ENOSYS && errno != EINVAL && errno != E2BIG && errno != EPERM)
			return -1;
	}
	return (pid_t)syscall(SYS_clone, SIGCHLD | parent, 0, 0, 0, 0);
}

int spawn(const struct spawn_request *r, pid_t *pid, int *report_fd)
{
	bool in_cgroup;
	int fds[2];
	pid_t child_pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	child_pid = clone_child(r, &in_cgroup);
	if (child_pid == 0)
		run_copy(r, in_cgroup, fds[1]);
	int err = child_pid < 0 ? -errno : 0;
	close(fds[1]);
	if (err != 0) {
		close(fds[0]);
		return err;
	}
	*pid = child_pid;
	*report_fd = fds[0];
	return 0;
}

void spawn_close_stdio(const int stdio[3])
{
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0 && (i == 0 || stdio[i] != stdio[i - 1]))
			close(stdio[i]);
}

int spawn_report(int report_fd, struct spawn_failure *failure)
{
	ssize_t n = read(report_fd, failure, sizeof(*failure));

	if (n == 0)
		return 0;
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*failure) ? 1 : -EIO;
}
