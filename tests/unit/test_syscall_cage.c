/* SPDX-License-Identifier: MIT */
/* The cage in a child, which makes raw calls and nothing that a sanitizer would add to. */
#include "base/log.h"
#include "base/syscall_cage.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct syscall_cage_rule rules[] = {
	{ SYS_write, SYSCALL_CAGE_ANY },
	{ SYS_exit_group, SYSCALL_CAGE_ANY },
	{ SYS_rt_sigreturn, SYSCALL_CAGE_ANY },
	{ SYS_getpid, SYSCALL_CAGE_ANY },
	{ SYS_mmap, SYSCALL_CAGE_NOT_RUNNABLE },
	{ SYS_socket, SYSCALL_CAGE_SOCKET },
	{ SYS_ioctl, SYSCALL_CAGE_WINDOW },
};

/* What a call gives: 0, or an errno. */
static const struct {
	long number, args[4];
	int error;
} calls[] = {
	{ SYS_getpid, { 0 }, 0 }, { SYS_getppid, { 0 }, EPERM }, { SYS_getppid, { 0 }, EPERM },
	{ SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS }, 0 },
	{ SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, EPERM },
	{ SYS_socket, { AF_INET, SOCK_STREAM }, 0 }, { SYS_socket, { AF_INET6, SOCK_STREAM }, 0 },
	{ SYS_socket, { AF_UNIX, SOCK_STREAM }, EPERM },
	{ SYS_socket, { AF_NETLINK, SOCK_RAW }, EPERM }, { SYS_ioctl, { -1, TIOCGWINSZ }, EBADF },
	{ SYS_ioctl, { -1, TIOCSWINSZ }, EBADF }, { SYS_ioctl, { -1, FIONREAD }, EPERM },
	{ SYS_execve, { 0 }, EPERM }, { SYS_clone, { 0 }, EPERM },
	{ 10000, { 0 }, EPERM }, /* there is none */
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Ends with 0, or 1 + the first call that gives something else, or 100: no cage. */
static void be_caged(int log_fd)
{
	log_open(log_fd, "");
	if (syscall_cage_enter("test", rules, sizeof(rules) / sizeof(rules[0])) != 0)
		syscall(SYS_exit_group, 100);
	for (size_t i = 0; i < CALLS; i++) {
		const long *a = calls[i].args;
		long r = syscall(calls[i].number, a[0], a[1], a[2], a[3], -1, 0);

		if (calls[i].error == 0 ? r < 0 : r != -1 || errno != calls[i].error)
			syscall(SYS_exit_group, 1 + i);
	}
	syscall(SYS_exit_group, 0);
}

Test(syscall_cage, what_is_not_on_the_list_fails_and_is_named_once)
{
	char said[4096], line[128];
	int fds[2], status;
	size_t lines = 0;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		be_caged(fds[1]);
	close(fds[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "call %d", WEXITSTATUS(status) - 1);
	n = read(fds[0], said, sizeof(said) - 1);
	cr_assert_geq(n, 0);
	said[n] = '\0';
	snprintf(line, sizeof(line), "test: system call %ld is not on its list, and was refused\n",
		(long)SYS_getppid);
	cr_expect_eq(strncmp(said, line, strlen(line)), 0, "%s", said);
	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	cr_expect_eq(lines, 7, "%s", said); /* getppid, mmap, socket, ioctl, execve, clone, 10000 */
}

Test(syscall_cage, more_rules_than_a_filter_has_room_for)
{
	static const struct syscall_cage_rule many[SYSCALL_CAGE_MAX + 1];

	cr_expect_eq(syscall_cage_enter("test", many, SYSCALL_CAGE_MAX + 1), -E2BIG);
}
