/* SPDX-License-Identifier: MIT */
/* The starter: what it does for the agent, and what it does not. */
#include "agent_rig.h"

#include "agent/starter/starter.h"
#include "agent/starter/starter_call.h"
#include "base/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct starter starter;
static struct options options = { .listen_fd = -1, .later_listen_fd = -1, .control_fd = -1 };
static char *shell[] = { "/bin/sh", "-c", "sleep 1000", NULL };
static char *environment[] = { "A=b", NULL };

static void begin(void)
{
	struct problem p;

	cr_assert_eq(
		starter_begin(&starter, &options, "/nowhere/policy.json", &p), 0, "%s", p.text);
}

static void end(void)
{
	starter_close(&starter);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

TestSuite(agent_starter, .init = begin, .fini = end, .timeout = 60);

static int start(const struct account *user, pid_t *pid, int *report_fd)
{
	struct start_request r = { .argv = shell,
		.envp = environment,
		.user = user,
		.stdio = { 0, 1, 2 },
		.cgroup_fd = -1 };

	return starter_program(&starter, &r, pid, report_fd);
}

static const struct account *nobody(void)
{
	static const struct account a = { .name = "nobody", .uid = 65534 };

	return geteuid() == 0 ? &a : NULL;
}

Test(agent_starter, what_it_starts_is_a_child_of_the_caller)
{
	struct spawn_failure ignored;
	int report_fd, status;
	pid_t pid;

	cr_assert_eq(start(nobody(), &pid, &report_fd), 0);
	poll(&(struct pollfd){ .fd = report_fd, .events = POLLIN }, 1, RIG_DEADLINE_MS);
	cr_expect_eq(spawn_report(report_fd, &ignored), 0);
	cr_expect_eq(starter_signal(&starter, pid, SIGTERM), 0);
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	cr_expect_eq(starter_signal(&starter, pid, SIGTERM), -ESRCH);
	close(report_fd);
}

Test(agent_starter, nothing_is_started_as_root)
{
	static const struct account root = { .name = "root" }, number = { .name = "0" };
	int report_fd;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("only root can become root");
	cr_expect_eq(start(&root, &pid, &report_fd), -EPERM);
	cr_expect_eq(start(&number, &pid, &report_fd), -EPERM);
	cr_expect_eq(start(NULL, &pid, &report_fd), -EPERM);
}

Test(agent_starter, a_user_that_is_not_there)
{
	static const struct account nobody_at_all = { .name = "no-such-user" };
	int report_fd;
	pid_t pid;

	cr_expect_eq(start(&nobody_at_all, &pid, &report_fd), -ENOENT);
}

Test(agent_starter, it_looks_users_up_by_itself)
{
	/* The agent says nobody's name and root's number. */
	static const struct account wrong = { .name = "nobody", .uid = 0, .gid = 0 };
	char *argv[] = { "/bin/sh", "-c", "test $(id -u) != 0 && test $(id -g) != 0", NULL };
	struct start_request r = { .argv = argv,
		.envp = environment,
		.user = &wrong,
		.stdio = { 0, 1, 2 },
		.cgroup_fd = -1 };
	int report_fd, status;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	cr_assert_eq(starter_program(&starter, &r, &pid, &report_fd), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	close(report_fd);
}

Test(agent_starter, others_are_not_signalled)
{
	pid_t stranger = fork(), grandchild;
	int fds[2];

	if (stranger == 0)
		for (;;)
			pause();
	/* A child of the agent that the starter has not started is one all the same: there is none.
	 */
	cr_expect_eq(starter_signal(&starter, stranger, 0), 0);
	cr_expect_eq(starter_signal(&starter, 1, 0), -ESRCH);
	cr_expect_eq(starter_signal(&starter, getpid(), 0), -ESRCH);
	cr_expect_eq(starter_signal(&starter, -1, 0), -ESRCH);
	cr_expect_eq(starter_signal(&starter, 0, 0), -ESRCH);
	kill(stranger, SIGKILL);
	cr_assert_eq(pipe(fds), 0);
	stranger = fork();
	if (stranger == 0) {
		grandchild = fork();
		if (grandchild != 0)
			(void)!write(fds[1], &grandchild, sizeof(grandchild));
		for (;;)
			pause();
	}
	cr_assert_eq(read(fds[0], &grandchild, sizeof(grandchild)), (ssize_t)sizeof(grandchild));
	cr_expect_eq(starter_signal(&starter, grandchild, SIGKILL), -ESRCH);
	kill(grandchild, SIGKILL);
	kill(stranger, SIGKILL);
}

Test(agent_starter, more_text_than_execve_takes)
{
	static char word[STARTER_TEXT_MAX];
	char *argv[] = { word, NULL };
	struct start_request r = {
		.argv = argv, .envp = environment, .stdio = { 0, 1, 2 }, .cgroup_fd = -1
	};
	int report_fd;
	pid_t pid;

	memset(word, 'x', sizeof(word) - 1);
	cr_expect_eq(starter_program(&starter, &r, &pid, &report_fd), -E2BIG);
}

/* After a bad request the starter closes its end of the socket. */
static void expect_end(const struct starter_call *call, const char *text)
{
	struct starter_answer answer;
	size_t count;

	cr_assert_eq(starter_send(starter.fd, call, sizeof(*call), NULL, 0, NULL, 0), 0);
	if (text != NULL)
		cr_assert_eq(write(starter.fd, text, call->text_len), (ssize_t)call->text_len);
	cr_expect_lt(starter_receive(starter.fd, &answer, sizeof(answer), NULL, 0, &count), 0);
}

Test(agent_starter, a_verb_that_is_none)
{
	expect_end(&(struct starter_call){ .verb = STARTER_VERBS }, NULL);
}

Test(agent_starter, text_without_end)
{
	expect_end(&(struct starter_call){ .verb = STARTER_PROGRAM, .text_len = 3 }, "abc");
}

Test(agent_starter, more_text_than_there_may_be)
{
	expect_end(
		&(struct starter_call){ .verb = STARTER_PROGRAM, .text_len = STARTER_TEXT_MAX + 1 },
		NULL);
}

/* Counts of words that the text does not have, and words that nobody counts. */
Test(agent_starter, words_are_counted)
{
	static const struct {
		uint32_t argc, envc;
	} wrong[] = { { 0, 3 }, { 2, 0 }, { 3, 2 }, { UINT32_MAX, 1 }, { 1, UINT32_MAX } };
	const char text[] = "nobody\0\0/bin/true\0b\0c"; /* user, directory, three words */
	const int fds[] = { 0, 1, 2 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct starter_call call = { .verb = STARTER_PROGRAM,
			.argc = wrong[i].argc,
			.envc = wrong[i].envc,
			.text_len = sizeof(text) };
		struct starter_answer answer;
		size_t count;

		cr_assert_eq(
			starter_send(starter.fd, &call, sizeof(call), text, sizeof(text), fds, 3),
			0);
		cr_assert_eq(
			starter_receive(starter.fd, &answer, sizeof(answer), NULL, 0, &count), 0);
		cr_expect_eq(answer.error, -EINVAL, "%zu: %d", i, answer.error);
	}
}

Test(agent_starter, it_ends_with_the_agent)
{
	int status;

	starter_close(&starter);
	cr_expect_gt(waitpid(-1, &status, 0), 0);
	cr_expect(WIFEXITED(status));
}

/* A starter that answers the first call twice, and the second one once. */
static void *answer_twice(void *arg)
{
	const int fd = *(int *)arg, errors[] = { 0, -ESRCH };
	struct starter_call call;
	size_t count;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(starter_receive(fd, &call, sizeof(call), NULL, 0, &count), 0);
		for (int times = 0; times < 2 - i; times++)
			cr_assert_eq(starter_answer(fd, call.id, errors[i], 0, NULL, 0), 0);
	}
	return NULL;
}

Test(agent_starter, a_second_answer_is_left_out)
{
	struct starter twice = { .fd = -1 };
	pthread_t thread;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	twice.fd = ends[0];
	cr_assert_eq(pthread_create(&thread, NULL, answer_twice, &ends[1]), 0);
	cr_expect_eq(starter_signal(&twice, 7, SIGTERM), 0);
	cr_expect_eq(starter_signal(&twice, 7, SIGTERM), -ESRCH);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

/* ---- programs without a copy of the starter -------------------------------------------------- */

static bool no_threads;

int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

/* Run a program as nobody with `out` as output. Returns its wait status. */
static int run(char *const *argv, int out, struct spawn_failure *failure)
{
	struct start_request r = { .argv = argv,
		.envp = environment,
		.user = nobody(),
		.stdio = { 0, out, 2 },
		.cgroup_fd = -1 };
	int report_fd, status;
	pid_t pid;

	*failure = (struct spawn_failure){ 0 };
	cr_assert_eq(starter_program(&starter, &r, &pid, &report_fd), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	spawn_report(report_fd, failure);
	close(report_fd);
	return status;
}

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("the starter needs the capabilities");
}

/* How many threads the starter has: 2 once a child has shared its memory. */
static int threads(void)
{
	char path[64], line[128];
	pid_t pid = 0;
	int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
	f = fopen(path, "r");
	cr_assert(f != NULL && fscanf(f, "%d", &pid) == 1);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Threads: %d", &count) == 1)
			break;
	fclose(f);
	return count;
}

/* A program whose execve(2) waits: fcntl(2), "Leases". Returns the lease. */
static int make_stuck_program(char *path)
{
	char *copy[] = { "/bin/cp", "/bin/true", path, NULL };
	pid_t pid = fork();
	int status, lease;

	if (pid == 0) {
		execv(copy[0], copy);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(status == 0 && chmod(path, 0755) == 0);
	signal(SIGIO, SIG_IGN);
	lease = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(lease, 0);
	if (fcntl(lease, F_SETLEASE, F_WRLCK) != 0)
		cr_skip_test("this file system has no leases");
	return lease;
}

/* All that a program can see of its start, except numbers that always change. */
#define SHOW                                                                                       \
	"grep -vE "                                                                                \
	"'^(PPid|Pid|Tgid|Ngid|NStgid|NSpid|NSpgid|NSsid|Vm|Rss|Huge|.*ctxt|Mems|Cpus|SigQ)' "     \
	"/proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup; "    \
	"umask; nice; pwd; env; ls -l /proc/self/fd | sed -E 's/.* ([0-9]+ -> [^ ]+).*/\\1/; "     \
	"s/pipe:.*|[0-9]+\\/fd/x/'; ulimit -a"

static void show(char *text, size_t size)
{
	char *argv[] = { "/bin/bash", "-c", SHOW, NULL };
	struct spawn_failure failure;
	size_t len = 0;
	ssize_t n;
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(fcntl(fds[1], F_SETPIPE_SZ, 65536), 65536);
	cr_assert_eq(run(argv, fds[1], &failure), 0);
	close(fds[1]);
	while (len < size - 1 && (n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
}

/* While a program is stuck, the starter makes copies: others start, and it can be killed. */
Test(agent_starter, a_program_is_as_it_is_beside_one_that_is_stuck)
{
	static char shared[65536], copy[65536];
	char directory[] = "/tmp/starter-XXXXXX", path[64], *argv[] = { path, NULL };
	struct start_request r = { .argv = argv,
		.envp = environment,
		.user = nobody(),
		.stdio = { 0, 1, 2 },
		.cgroup_fd = -1 };
	int lease, report_fd, status;
	pid_t pid;

	need_root();
	end();
	signal(SIGHUP, SIG_IGN);
	begin();
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chmod(directory, 0755), 0);
	snprintf(path, sizeof(path), "%s/program", directory);
	lease = make_stuck_program(path);
	cr_assert_eq(threads(), 1);
	show(shared, sizeof(shared));
	cr_expect_eq(threads(), 2);
	cr_expect_not_null(strstr(shared, "CapBnd:\t0000000000000000\n"), "%s", shared);
	cr_assert_eq(starter_program(&starter, &r, &pid, &report_fd), 0);
	show(copy, sizeof(copy));
	cr_expect_str_eq(shared, copy);
	cr_expect_eq(waitpid(pid, &status, WNOHANG), 0, "it is stuck");
	cr_expect_eq(starter_signal(&starter, pid, SIGKILL), 0);
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(report_fd);
	/* The thread is free again. */
	cr_assert_eq(starter_program(&starter, &r, &pid, &report_fd), 0);
	cr_assert_eq(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	close(report_fd);
	close(lease);
	unlink(path);
	rmdir(directory);
}

static void expect_failure(void)
{
	char *argv[] = { "/nowhere/program", NULL };
	struct spawn_failure failure;
	int status = run(argv, 1, &failure);

	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == SPAWN_EXIT_FAILED);
	cr_expect_eq(failure.stage, SPAWN_EXEC);
	cr_expect_eq(failure.error, ENOENT);
}

Test(agent_starter, a_failure_is_reported_by_a_child_that_shares_memory)
{
	char *many[400] = { "/bin/true" };
	struct spawn_failure failure;

	need_root();
	expect_failure();
	cr_expect_eq(threads(), 2);
	/* More words than have a place of their own, several times. */
	for (size_t i = 1; i + 1 < sizeof(many) / sizeof(many[0]); i++)
		many[i] = "a word that is long enough to make all of them long";
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(run(many, 1, &failure), 0);
		expect_failure();
	}
	cr_expect_eq(threads(), 2);
}

static void install(struct sock_filter *filter, size_t count)
{
	const struct sock_fprog program = { (unsigned short)count, filter };

	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

/* Refuse a system call with an error in this process and all that it starts. */
static void refuse(uint32_t call, uint32_t error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof(filter) / sizeof(filter[0]));
}

/* Let a system call with an argument (its lower half) have such a result. */
static void answer_call(uint32_t call, size_t argument, uint32_t value, uint32_t action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			(uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof(filter) / sizeof(filter[0]));
}

static void expect_copies(uint32_t call, uint32_t error, int expected_threads)
{
	char *argv[] = { "/bin/true", NULL };
	struct spawn_failure failure;

	need_root();
	end();
	refuse(call, error);
	begin();
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(run(argv, 1, &failure), 0);
		expect_failure();
	}
	cr_expect_eq(threads(), expected_threads);
}

Test(agent_starter, no_clone3)
{
	expect_copies(SYS_clone3, ENOSYS, 2);
}

/* glibc's pthread_create(3) then makes no thread. */
Test(agent_starter, a_filter_that_forbids_clone3)
{
	expect_copies(SYS_clone3, EPERM, 1);
}

Test(agent_starter, no_thread)
{
	no_threads = true;
	expect_copies(UINT32_MAX, 0, 1);
}

/* ---- children that end before their time ----------------------------------------------------- */

Test(agent_starter, a_child_that_is_killed_before_it_answers)
{
	int report_fd, status;
	pid_t pid;

	need_root();
	end();
	answer_call(SYS_fcntl, 1, F_DUPFD_CLOEXEC, SECCOMP_RET_KILL_PROCESS);
	begin();
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(start(nobody(), &pid, &report_fd), 0);
		cr_expect_eq(waitpid(pid, &status, 0), pid);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		close(report_fd);
	}
	cr_expect_eq(threads(), 2);
}

/* Then the starter ends: the agent must not wait for ever. */
static void expect_no_answer(uint32_t action)
{
	int report_fd;
	pid_t pid;

	uint32_t there = (uint32_t)starter.fd + 1;

	need_root();
	end();
	answer_call(SYS_sendmsg, 0, there, action);
	begin();
	cr_assert_eq((uint32_t)starter.fd + 1, there);
	cr_expect_eq(start(nobody(), &pid, &report_fd), -EPIPE);
}

Test(agent_starter, a_child_that_cannot_answer)
{
	expect_no_answer(SECCOMP_RET_ERRNO | ENOBUFS);
}

Test(agent_starter, a_child_that_is_killed_while_it_answers)
{
	expect_no_answer(SECCOMP_RET_KILL_PROCESS);
}
