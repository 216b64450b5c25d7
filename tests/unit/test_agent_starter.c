/* SPDX-License-Identifier: MIT */
/* The starter: what it does for the agent, and what it does not. */
#include "agent_rig.h"

#include "agent/starter/starter.h"
#include "agent/starter/starter_call.h"
#include "base/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
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

TestSuite(agent_starter, .init = begin, .fini = end);

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
