/* SPDX-License-Identifier: MIT */
/* Reads and writes of a group's files; a plain directory stands for the group. */
#include "supervisor/cgroup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64];
static int parent, group;

static void put(const char *name, const char *text)
{
	int fd = openat(group, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const char *get(const char *name)
{
	static char text[256];
	int fd = openat(group, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void make_group(void)
{
	strcpy(top, "/tmp/test-cgroup-XXXXXX");
	cr_assert(mkdtemp(top) != NULL);
	parent = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(mkdirat(parent, "web", 0700) == 0);
	group = openat(parent, "web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(group >= 0);
}

static void remove_group(void)
{
	char command[128];

	close(group);
	close(parent);
	snprintf(command, sizeof(command), "rm -r %s", top);
	cr_assert(system(command) == 0);
}

TestSuite(cgroup, .init = make_group, .fini = remove_group);

Test(cgroup, limits_are_written_as_the_kernel_wants_them)
{
	static const char *const files[] = { "memory.max", "memory.high", "memory.swap.max",
		"memory.oom.group", "cpu.max", "cpu.weight", "pids.max" };
	struct cgroup_limits l;
	struct problem p;
	int fd;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i], "");
	cgroup_limits_init(&l);
	cr_assert_not(cgroup_limits_any(&l));
	l = (struct cgroup_limits){ 64 << 20, CGROUP_MAX, 0, 1500, 250, 17 };
	cr_assert(cgroup_limits_any(&l));
	fd = cgroup_open(parent, "web", &l, &p);
	cr_assert(fd >= 0, "%s", p.text);
	close(fd);
	cr_expect_str_eq(get("memory.max"), "67108864");
	cr_expect_str_eq(get("memory.high"), "max");
	cr_expect_str_eq(get("memory.swap.max"), "0");
	cr_expect_str_eq(get("memory.oom.group"), "1");
	cr_expect_str_eq(get("cpu.max"), "150000");
	cr_expect_str_eq(get("cpu.weight"), "250");
	cr_expect_str_eq(get("pids.max"), "17");
}

/* The group of an earlier life, which could not be removed. */
Test(cgroup, limits_that_are_no_longer_set_go)
{
	static const char *const files[][2] = { { "memory.max", "67108864\n" },
		{ "memory.high", "4096\n" }, { "memory.oom.group", "1\n" },
		{ "cpu.max", "150000 100000\n" }, { "cpu.weight", "250\n" },
		{ "pids.max", "17\n" } };
	struct cgroup_limits l;
	struct problem p;
	int fd;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i][0], files[i][1]);
	cgroup_limits_init(&l);
	l.tasks_max = 9;
	fd = cgroup_open(parent, "web", &l, &p);
	cr_assert(fd >= 0, "%s", p.text);
	close(fd);
	cr_expect(strncmp(get("memory.max"), "max", 3) == 0);
	cr_expect(strncmp(get("memory.high"), "max", 3) == 0);
	cr_expect(strncmp(get("memory.oom.group"), "0", 1) == 0);
	cr_expect(strncmp(get("cpu.max"), "max", 3) == 0);
	cr_expect(strncmp(get("cpu.weight"), "100", 3) == 0);
	cr_expect(get("pids.max")[0] == '9');
}

Test(cgroup, a_limit_that_cannot_be_set_is_named)
{
	struct cgroup_limits l;
	struct problem p;

	cgroup_limits_init(&l);
	l.tasks_max = 5;
	cr_assert(cgroup_open(parent, "web", &l, &p) == -ENOENT);
	cr_assert_str_eq(p.text, "cannot set pids.max to 5: No such file or directory");
	cgroup_limits_init(&l);
	l.memory_swap_max = 0; /* a kernel without swap */
	int fd = cgroup_open(parent, "web", &l, &p);
	cr_assert(fd >= 0);
	close(fd);
}

Test(cgroup, a_group_that_cannot_be_made_or_removed)
{
	struct cgroup_limits none;
	struct problem p;

	cgroup_limits_init(&none);
	cr_assert(cgroup_open(-1, "web", &none, &p) == -EBADF);
	cr_assert_str_eq(p.text, "cannot make the cgroup: Bad file descriptor");
	put("file", "");
	cr_assert(cgroup_open(group, "file", &none, &p) == -ENOTDIR);
	cr_assert_str_eq(p.text, "cannot open the cgroup: Not a directory");
	cr_assert(cgroup_remove(parent, "web") == -ENOTEMPTY);
	cr_assert(mkdirat(parent, "empty", 0700) == 0 && cgroup_remove(parent, "empty") == 0);
}

Test(cgroup, what_it_has_used)
{
	struct cgroup_usage u;

	cgroup_usage(group, &u);
	cr_assert(u.memory_bytes == CGROUP_UNSET && u.cpu_us == CGROUP_UNSET &&
		  u.tasks == CGROUP_UNSET);
	put("memory.current", "12345\n");
	put("pids.current", "no number\n");
	put("cpu.stat", "user_usec 7\nusage_usec 99\nsystem_usec 3\n");
	cgroup_usage(group, &u);
	cr_assert(u.memory_bytes == 12345 && u.cpu_us == 99 && u.tasks == CGROUP_UNSET);
	put("cpu.stat", "usage_usec 999999999999999999999999999\n");
	cgroup_usage(group, &u);
	cr_assert(u.cpu_us == CGROUP_UNSET);
}

Test(cgroup, oom_kills_are_counted)
{
	cr_assert(cgroup_oom_kills(group) == 0);
	put("memory.events", "low 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 1\n");
	cr_assert(cgroup_oom_kills(group) == 3);
	put("memory.events", "low 0\n");
	cr_assert(cgroup_oom_kills(group) == 0);
}

Test(cgroup, events)
{
	cr_assert_not(cgroup_is_populated(group));
	cr_assert(cgroup_open_events(group) == -ENOENT);
	put("cgroup.events", "populated 1\nfrozen 0\n");
	cr_assert(cgroup_is_populated(group));
	int fd = cgroup_open_events(group);
	cr_assert(fd >= 0);
	close(fd);
	put("cgroup.events", "populated 0\nfrozen 1\n");
	cr_assert_not(cgroup_is_populated(group));
	put("cgroup.freeze", "");
	cr_assert(cgroup_freeze(group, true) == 0);
	cr_assert_str_eq(get("cgroup.freeze"), "1");
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void put_pids(pid_t a, pid_t b)
{
	char text[64];

	snprintf(text, sizeof(text), "%d\n1\nx\n%d\n", a, b);
	put("cgroup.procs", text);
}

Test(cgroup, a_signal_reaches_every_process_but_never_pid_1)
{
	pid_t a = sleeper(), b = sleeper();
	int status;

	cr_assert(cgroup_signal(group, SIGTERM) == -ENOENT);
	put_pids(a, b);
	cr_assert(cgroup_signal(group, SIGTERM) == 0);
	cr_assert(waitpid(a, &status, 0) == a && WTERMSIG(status) == SIGTERM);
	cr_assert(waitpid(b, &status, 0) == b && WTERMSIG(status) == SIGTERM);
}

Test(cgroup, kill_where_the_kernel_has_no_file_for_it)
{
	pid_t a = sleeper(), b = sleeper();
	int status;

	put_pids(a, b);
	put("cgroup.events", "populated 1\n"); /* it never becomes empty: the rounds are limited */
	cr_assert(cgroup_kill(group) == 0);
	cr_assert(waitpid(a, &status, 0) == a && WTERMSIG(status) == SIGKILL);
	cr_assert(waitpid(b, &status, 0) == b && WTERMSIG(status) == SIGKILL);
	cr_assert(unlinkat(group, "cgroup.procs", 0) == 0);
	cr_assert(cgroup_kill(group) == -ENOENT);
	put("cgroup.kill", "");
	cr_assert(cgroup_kill(group) == 0);
	cr_assert_str_eq(get("cgroup.kill"), "1");
}

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

static pid_t ends_at_read;    /* 0: none */
static const char *long_line; /* what is read without an end; NULL: the file */

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	if (ends_at_read != 0) {
		kill(ends_at_read, SIGKILL);
		waitpid(ends_at_read, NULL, 0);
		ends_at_read = 0;
	}
	if (long_line == NULL)
		return __real_read(fd, bytes, size);
	memset(bytes, 'x', size);
	memcpy(bytes, long_line, strlen(long_line));
	return (ssize_t)size;
}

/* A process that waits to be killed. */
static pid_t make_process(void)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	while (pid == 0)
		pause();
	return pid;
}

Test(cgroup, whose_process_it_is)
{
	char name[64];
	pid_t pid = make_process();

	cr_expect_eq(cgroup_service_of(pid, name, sizeof(name)), -ENODATA, "it lives elsewhere");
	ends_at_read = pid;
	cr_expect_eq(cgroup_service_of(pid, name, sizeof(name)), -ESRCH, "it ends meanwhile");
	cr_expect_eq(cgroup_service_of(pid, name, sizeof(name)), -ENOENT, "it has ended");
}

/* A container engine's groups below the service's can have names as long as they like. */
Test(cgroup, whose_process_it_is_deep_below)
{
	char name[64];

	long_line = "0::/services/web/";
	cr_expect_eq(cgroup_service_of(getpid(), name, sizeof(name)), 0);
	cr_expect_str_eq(name, "web");
}
