/* SPDX-License-Identifier: MIT */
/* Launchers: many starts at once, programs that cannot be read, kernels that lack a call. */
#include "spawn_rig.h"

#include "base/launcher.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open  434
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

TestSuite(launcher, .timeout = 60);

/* ---- calls that fail ------------------------------------------------------------------------- */

static long failing_call; /* number of the missing system call; 0: none is missing */
static bool no_threads;

long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list args;

	if (number == failing_call) {
		errno = ENOSYS;
		return -1;
	}
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

/* ---- starts ---------------------------------------------------------------------------------- */

#define MANY 64

static struct launch launches[MANY];
static size_t pids_told, over_told;
static bool all_over;
static size_t expected;

static void on_change(struct launch *launch)
{
	cr_expect(launch->over || launch->pid > 0);
	if (!launch->over) {
		pids_told++;
		return;
	}
	over_told++;
	all_over = over_told == expected;
}

static void begin(size_t count)
{
	expected = count;
	pids_told = over_told = 0;
	all_over = false;
}

static void start(size_t i, struct spawn_request *r)
{
	cr_assert_eq(launcher_start(rig_launcher(), r, &launches[i], on_change), 0);
}

static int end_of(size_t i)
{
	int status;

	cr_assert_eq(waitpid(launches[i].pid, &status, 0), launches[i].pid);
	return spawn_exit_code(status);
}

Test(launcher, many_at_once_each_with_its_own_request)
{
	begin(MANY);
	for (size_t i = 0; i < MANY; i++) {
		char text[32];
		struct spawn_request r;

		snprintf(text, sizeof(text), "exit %zu", i);
		r = rig_request("/bin/sh", "-c", text, NULL);
		start(i, &r);
	} /* `text` and the request are gone */
	rig_run_loop(&all_over);
	for (size_t i = 0; i < MANY; i++) {
		cr_expect_eq(launches[i].error, 0);
		cr_expect_eq(end_of(i), (int)i);
	}
	cr_assert_null(rig_launcher()->slots, "nothing is on its way");
}

Test(launcher, each_failure_comes_to_its_owner)
{
	begin(2);
	struct spawn_request r = rig_request("/nonexistent", NULL);
	start(0, &r);
	r = rig_request("/bin/true", NULL);
	r.directory = "/dev/null";
	start(1, &r);
	rig_run_loop(&all_over);
	cr_assert(launches[0].failed && launches[0].failure.stage == SPAWN_EXEC &&
		  launches[0].failure.error == ENOENT);
	cr_assert(launches[1].failed && launches[1].failure.stage == SPAWN_DIRECTORY &&
		  launches[1].failure.error == ENOTDIR);
	cr_expect_eq(end_of(0), SPAWN_EXIT_FAILED);
	cr_expect_eq(end_of(1), SPAWN_EXIT_FAILED);
}

/* The child may end before the loop has run. */
Test(launcher, a_failure_is_there_when_the_end_is)
{
	struct spawn_request r = rig_request("/nonexistent", NULL);
	siginfo_t info;

	begin(1);
	start(0, &r);
	launcher_settle(rig_launcher(), &launches[0]);
	cr_assert_gt(launches[0].pid, 0);
	cr_assert_eq(waitid(P_PID, (id_t)launches[0].pid, &info, WEXITED | WNOWAIT), 0);
	launcher_release(rig_launcher(), &launches[0]);
	cr_assert(launches[0].failed && launches[0].failure.error == ENOENT);
	cr_assert_null(launches[0].slot);
	cr_assert_eq(over_told, 0, "its owner asked");
	end_of(0);
}

static void gate(int fds[2])
{
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
}

static int wait_for_byte(const void *arg, uint32_t *part)
{
	char c;

	(void)part;
	return read(*(const int *)arg, &c, 1) == 1 ? 0 : -EPIPE;
}

/* Like a program on a network mount that hangs. The child has the gate as descriptor 3. */
static struct spawn_request stuck_request(const int *gate_fd)
{
	static const int number = 3;
	struct spawn_request r = rig_request("/bin/true", NULL);

	r.prepare = wait_for_byte;
	r.prepare_arg = &number;
	r.fds = gate_fd;
	r.fd_count = 1;
	return r;
}

Test(launcher, what_is_stuck_holds_nothing_up)
{
	enum { STUCK = 16 };
	int fds[2];
	struct spawn_request r;

	gate(fds);
	begin(MANY - STUCK);
	r = stuck_request(&fds[0]);
	for (size_t i = 0; i < STUCK; i++)
		start(i, &r);
	r = rig_request("/bin/true", NULL);
	for (size_t i = STUCK; i < MANY; i++)
		start(i, &r);
	rig_run_loop(&all_over);
	for (size_t i = STUCK; i < MANY; i++)
		cr_expect_eq(end_of(i), 0);
	cr_assert_leq(rig_launcher()->pools[0].threads, 2 * STUCK);
	cr_assert_eq(write(fds[1], "................", STUCK), STUCK);
	begin(STUCK);
	rig_run_loop(&all_over);
	for (size_t i = 0; i < STUCK; i++)
		cr_expect_eq(end_of(i), 0);
}

/* A start queues after a stuck one, and the caller asks for its process: that must not wait. */
Test(launcher, settling_does_not_wait_for_what_is_stuck)
{
	int fds[2];
	struct spawn_request r;

	gate(fds);
	begin(2);
	r = stuck_request(&fds[0]);
	start(0, &r);
	launcher_settle(rig_launcher(), &launches[0]);
	cr_assert_gt(launches[0].pid, 0);
	r = rig_request("/bin/true", NULL);
	start(1, &r);
	launcher_settle(rig_launcher(), &launches[1]);
	cr_assert_gt(launches[1].pid, 0);
	cr_expect_eq(end_of(1), 0);
	cr_assert_not(launches[0].over);
	cr_assert_eq(write(fds[1], ".", 1), 1);
	rig_run_loop(&all_over);
	cr_expect_eq(end_of(0), 0);
}

Test(launcher, a_child_killed_before_its_program)
{
	int fds[2];
	struct spawn_request r;

	gate(fds);
	begin(2);
	r = stuck_request(&fds[0]);
	start(0, &r);
	launcher_settle(rig_launcher(), &launches[0]);
	kill(launches[0].pid, SIGKILL);
	r = rig_request("/bin/true", NULL);
	start(1, &r);
	rig_run_loop(&all_over);
	cr_expect_eq(end_of(0), 128 + SIGKILL);
	cr_expect_eq(end_of(1), 0);
	cr_assert_not(launches[0].failed, "it has not said why");
}

/* A core dump would have the whole memory, and in old kernels end all that share it. */
Test(launcher, a_child_that_crashes_before_its_program)
{
	int fds[2];
	struct spawn_request r;

	gate(fds);
	begin(1);
	r = stuck_request(&fds[0]);
	start(0, &r);
	launcher_settle(rig_launcher(), &launches[0]);
	kill(launches[0].pid, SIGSEGV);
	rig_run_loop(&all_over);
	int status;
	cr_assert_eq(waitpid(launches[0].pid, &status, 0), launches[0].pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && !WCOREDUMP(status));
	cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
}

/* ---- what a child does not get ----------------------------------------------------------------
 */

static void put_status(char *out, size_t size, bool launcher_child, struct spawn_request *r)
{
	int pipe_fds[2], report, status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	gate(pipe_fds);
	r->stdio[1] = pipe_fds[1];
	if (launcher_child) {
		start(0, r);
		launcher_settle(rig_launcher(), &launches[0]);
		pid = launches[0].pid;
	} else {
		cr_assert_eq(spawn(r, &pid, &report), 0);
		close(report);
	}
	close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(pipe_fds[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%s", out);
}

/* All that a program can see of its start, except numbers that always change. */
#define SHOW                                                                                       \
	"grep -vE "                                                                                \
	"'^(PPid|Pid|Tgid|Ngid|NStgid|NSpid|NSpgid|NSsid|Vm|Rss|Huge|.*ctxt|Mems|Cpus|SigQ)' "     \
	"/proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup; "    \
	"umask; nice; pwd; ls -l /proc/self/fd | sed -E 's/.* ([0-9]+ -> [^ ]+).*/\\1/; "          \
	"s/pipe:.*|[0-9]+\\/fd/x/'; readlink /proc/self/ns/mnt | wc -c; ulimit -a"

static void set_variant(size_t i, struct spawn_request *r, struct account *a)
{
	static const struct spawn_limit files = { RLIMIT_NOFILE, { 100, 200 } };
	static const uint64_t bounding[] = { UINT64_MAX, 0, 1 << 10, 0 };

	*a = (struct account){ .uid = i % 3 == 0 ? 0 : 4711, .gid = i % 3 == 0 ? 0 : 4712 };
	a->group_count = i % 4;
	for (size_t g = 0; g < a->group_count; g++)
		a->groups[g] = 4712 + (gid_t)g;
	r->user = i == 19 ? NULL : a;
	r->bounding = bounding[i % 4];
	r->ambient = i % 4 == 2 ? 1 << 10 : 0;
	r->no_new_privs = i % 2;
	r->limits = &files;
	r->limit_count = i % 5 == 1;
	r->set_nice = i % 5 == 2;
	r->nice = 5;
	r->set_oom_score = i % 5 == 3;
	r->oom_score = 300;
	r->set_umask = i % 5 == 4;
	r->umask = 027;
	r->directory = i % 7 == 1 ? "/tmp" : NULL;
}

Test(launcher, a_child_is_as_a_copy_would_be)
{
	static char copy[65536], child[65536];
	struct account a;

	if (getuid() != 0)
		cr_skip_test("it starts programs as other users");
	signal(SIGHUP, SIG_IGN);
	for (size_t i = 0; i < 20; i++) {
		struct spawn_request r = rig_request("/bin/bash", "-c", SHOW, NULL);
		char score[16];
		int fd;

		set_variant(i, &r, &a);
		put_status(copy, sizeof(copy), false, &r);
		put_status(child, sizeof(child), true, &r);
		cr_assert_not_null(strstr(copy, "CapBnd:"));
		cr_assert_not_null(strstr(copy, "Max open files"));
		cr_expect_str_eq(child, copy, "variant %zu: %s", i, child);
		fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
		score[read(fd, score, sizeof(score) - 1)] = '\0';
		close(fd);
		cr_expect_str_neq(score, "300\n", "the caller keeps its own");
	}
	cr_assert_not(rig_launcher()->refused, "these were children of launchers");
	cr_assert_gt(rig_launcher()->pools[1].threads, 0);
}

/* However many descriptors the caller has. */
Test(launcher, descriptors_of_the_caller_are_not_inherited)
{
	struct spawn_request r = rig_request("/bin/ls", "-1", "/proc/self/fd", NULL);
	char text[256];

	for (int i = 0; i < 500; i++)
		cr_assert_geq(dup(STDERR_FILENO), 0); /* not close-on-exec */
	put_status(text, sizeof(text), true, &r);
	cr_assert_str_eq(text, "0\n1\n2\n3\n");
}

/* ---- where a call is missing ------------------------------------------------------------------
 */

static void check_that_it_works(bool refused)
{
	struct spawn_request r = rig_request("/bin/sh", "-c", "exit 3", NULL);
	struct spawn_request bad = rig_request("/bin/true", NULL);
	static char *argv[] = { (char *)"/nonexistent", NULL };

	begin(2);
	r = rig_request("/bin/sh", "-c", "exit 3", NULL);
	start(0, &r);
	bad = r;
	bad.argv = argv;
	start(1, &bad);
	rig_run_loop(&all_over);
	cr_expect_eq(end_of(0), 3);
	cr_expect_eq(end_of(1), SPAWN_EXIT_FAILED);
	cr_expect(launches[1].failed && launches[1].failure.error == ENOENT);
	cr_expect_eq(rig_launcher()->refused, refused);
}

Test(launcher, nothing_is_missing)
{
	check_that_it_works(false);
}

Test(launcher, no_close_range)
{
	failing_call = SYS_close_range;
	check_that_it_works(true);
}

Test(launcher, no_pidfd_open)
{
	failing_call = SYS_pidfd_open;
	check_that_it_works(true);
}

Test(launcher, no_pidfd_getfd)
{
	failing_call = SYS_pidfd_getfd;
	check_that_it_works(true);
}

Test(launcher, no_thread)
{
	no_threads = true;
	check_that_it_works(false);
	no_threads = false;
	check_that_it_works(false);
	cr_assert_eq(rig_launcher()->pools[0].threads, 1, "it was tried again");
}

/* A bad descriptor fails in the child, as with a copy. */
Test(launcher, settled_failures)
{
	struct spawn_request r = rig_request("/bin/true", NULL);

	r.stdio[1] = 999;
	begin(1);
	start(0, &r);
	rig_run_loop(&all_over);
	cr_assert(launches[0].failed && launches[0].failure.stage == SPAWN_STDIO &&
		  launches[0].failure.error == EBADF);
	end_of(0);
	cr_assert_not(rig_launcher()->refused);
}

Test(launcher, no_process_can_be_made)
{
	struct rlimit none = { 0, 0 };
	struct spawn_request r = rig_request("/bin/true", NULL);

	begin(1);
	start(0, &r);
	rig_run_loop(&all_over);
	end_of(0); /* a launcher is there */
	if (setresuid(4711, 4711, 4711) != 0)
		cr_skip_test("root has no such limit");
	cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	/* Its credentials are its own: it could still. */
	begin(1);
	if (launcher_start(rig_launcher(), &r, &launches[0], on_change) != 0)
		return;
	rig_run_loop(&all_over);
	cr_assert(launches[0].error == EAGAIN || launches[0].pid > 0);
}
