/* SPDX-License-Identifier: MIT */
/*
 * What a guest looks like from inside, and programs that misbehave: static, for images without a
 * shell. Each fact is one line "WHAT: ..." on stdout, so that a test can wait for it on the
 * console.
 *
 *   facts MODE [ARGUMENT...] [+ MODE [ARGUMENT...]]...
 *
 * The modes run one after the other; the table at the end has them all.
 */
#include "facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ ENOENT, "ENOENT" },
		{ ESRCH, "ESRCH" },
		{ EIO, "EIO" },
		{ EBADF, "EBADF" },
		{ EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },
		{ EFAULT, "EFAULT" },
		{ EBUSY, "EBUSY" },
		{ EEXIST, "EEXIST" },
		{ ENODEV, "ENODEV" },
		{ ENOTDIR, "ENOTDIR" },
		{ EISDIR, "EISDIR" },
		{ EINVAL, "EINVAL" },
		{ EMFILE, "EMFILE" },
		{ EFBIG, "EFBIG" },
		{ ENOSPC, "ENOSPC" },
		{ EROFS, "EROFS" },
		{ EPIPE, "EPIPE" },
		{ ENOSYS, "ENOSYS" },
		{ ELOOP, "ELOOP" },
		{ EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ EADDRINUSE, "EADDRINUSE" },
		{ EADDRNOTAVAIL, "EADDRNOTAVAIL" },
		{ ENETUNREACH, "ENETUNREACH" },
		{ ECONNRESET, "ECONNRESET" },
		{ ETIMEDOUT, "ETIMEDOUT" },
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ EHOSTUNREACH, "EHOSTUNREACH" },
		{ EDQUOT, "EDQUOT" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error)
			return names[i].name;
	return strerror(error);
}

int number(const char *text)
{
	return text ? (int)strtol(text, NULL, 0) : 0;
}

/* Prints a file's lines, each with a tag before it. */
static void print_lines(const char *tag, const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (!f) {
		printf("%s: %s: %s\n", tag, path, error_name(errno));
		return;
	}
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s: %s\n", tag, line);
	}
	fclose(f);
}

static void mode_cat(char **args)
{
	for (; *args; args++)
		print_lines(*args, *args);
}

static void mode_mountinfo(char **args)
{
	(void)args;
	print_lines("mountinfo", "/proc/self/mountinfo");
	printf("mountinfo-end:\n");
}

/* Identity, limits of privilege, session. */
static void mode_id(char **args)
{
	static const char *const wanted[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
		"NoNewPrivs", "Seccomp", NULL };
	gid_t groups[64];
	char line[256], path[256] = "";
	FILE *f = fopen("/proc/self/status", "re");

	(void)args;
	printf("id: uid=%d euid=%d gid=%d egid=%d groups=", getuid(), geteuid(), getgid(),
		getegid());
	int n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", groups[i]);
	printf(" session-leader=%s group-leader=%s\n", getsid(0) == getpid() ? "yes" : "no",
		getpgrp() == getpid() ? "yes" : "no");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		for (const char *const *w = wanted; *w; w++)
			if (strncmp(line, *w, strlen(*w)) == 0 && line[strlen(*w)] == ':')
				printf("id: %s %s\n", *w, line + strlen(*w) + 2);
	}
	if (f)
		fclose(f);
	mode_t mask = umask(0);
	umask(mask);
	printf("id: cwd=%s umask=%03o ppid=%d\n", getcwd(path, sizeof path), mask, getppid());
}

/* Open descriptors, without the one that looks. */
static void mode_fds(char **args)
{
	char path[64], target[256];

	(void)args;
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		printf("fd: %d %s\n", fd, target);
	}
	printf("fd-end:\n");
}

/* Signals that are blocked or ignored. */
static void mode_signals(char **args)
{
	sigset_t blocked;

	(void)args;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int s = 1; s < 65; s++) {
		struct sigaction now;
		if (sigaction(s, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			printf("signal: ignored %d\n", s);
		if (sigismember(&blocked, s) == 1)
			printf("signal: blocked %d\n", s);
	}
	printf("signal-end:\n");
}

static void mode_env(char **args)
{
	extern char **environ;

	(void)args;
	for (char **e = environ; *e; e++) {
		printf("env: ");
		for (const char *c = *e; *c; c++)
			*c == '\n' ? fputs("\\n", stdout) : putchar(*c);
		putchar('\n');
	}
	printf("env-end:\n");
}

/* read PATH...: the size and the first bytes, or the error. */
static void mode_read(char **args)
{
	for (; *args; args++) {
		char data[65];
		int fd = open(*args, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof data - 1);
		if (n < 0) {
			printf("read: %s %s\n", *args, error_name(errno));
		} else {
			data[n] = '\0';
			data[strcspn(data, "\n")] = '\0';
			printf("read: %s ok %s\n", *args, data);
		}
		if (fd >= 0)
			close(fd);
	}
}

/* write PATH...: appends a line to each, made when it is not there. */
static void mode_write(char **args)
{
	for (; *args; args++) {
		int fd = open(*args, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		ssize_t n = fd < 0 ? -1 : write(fd, "written\n", 8);
		printf("write: %s %s\n", *args, n < 0 ? error_name(errno) : "ok");
		if (fd >= 0)
			close(fd);
	}
}

/* mount-read DEVICE TYPE FILE: mounts it read-only on /mnt, reads the file, unmounts. */
static void mode_mount_read(char **args)
{
	char path[256], data[65] = "";

	if (mount(args[0], "/mnt", args[1], MS_RDONLY, NULL) != 0) {
		printf("mount-read: %s %s\n", args[0], error_name(errno));
		return;
	}
	snprintf(path, sizeof path, "/mnt/%s", args[2]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof data - 1);
	printf("mount-read: %s %s %s\n", args[0], args[2], n < 0 ? error_name(errno) : data);
	if (fd >= 0)
		close(fd);
	if (umount("/mnt") != 0)
		printf("mount-read: umount %s\n", error_name(errno));
}

/* line: waits for a line on stdin. */
static void mode_line(char **args)
{
	char line[256];

	(void)args;
	printf("line: waiting\n");
	if (!fgets(line, sizeof line, stdin))
		printf("line: end of input\n");
}

static void mode_stat(char **args)
{
	for (; *args; args++) {
		struct stat st;
		if (lstat(*args, &st) != 0)
			printf("stat: %s %s\n", *args, error_name(errno));
		else
			printf("stat: %s %06o uid=%d gid=%d size=%lld\n", *args, st.st_mode,
				st.st_uid, st.st_gid, (long long)st.st_size);
	}
}

static void mode_ls(char **args)
{
	for (; *args; args++) {
		DIR *d = opendir(*args);
		if (!d) {
			printf("ls: %s %s\n", *args, error_name(errno));
			continue;
		}
		for (struct dirent *e; (e = readdir(d));)
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				printf("ls: %s %s\n", *args, e->d_name);
		printf("ls-end: %s\n", *args);
		closedir(d);
	}
}

/* run PATH: executes it and tells the outcome, for noexec mounts. */
static void mode_run(char **args)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execv(args[0], args);
		printf("run: %s %s\n", args[0], error_name(errno));
		fflush(stdout);
		_exit(127);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	printf("run: %s status=%d\n", args[0], status);
}

/* fill PATH: writes a file until it is refused. */
static void mode_fill(char **args)
{
	static const char block[65536];
	long long total = 0;
	int fd = open(args[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && (n = write(fd, block, sizeof block)) > 0)
		total += n;
	printf("fill: %s %lld %s\n", args[0], total, n < 0 ? error_name(errno) : "end");
	if (fd >= 0)
		close(fd);
}

/* Nanoseconds of the clocks. */
static void mode_time(char **args)
{
	static const struct {
		clockid_t id;
		const char *name;
	} clocks[] = { { CLOCK_MONOTONIC, "monotonic" }, { CLOCK_BOOTTIME, "boottime" },
		{ CLOCK_REALTIME, "realtime" } };

	(void)args;
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		struct timespec t;
		clock_gettime(clocks[i].id, &t);
		printf("time: %s %lld\n", clocks[i].name, t.tv_sec * 1000000000LL + t.tv_nsec);
	}
}

static void mode_echo(char **args)
{
	for (; *args; args++)
		printf("%s%s", *args, args[1] ? " " : "");
	printf("\n");
}

static void mode_pid(char **args)
{
	(void)args;
	printf("pid: %d\n", getpid());
}

/* sleep [SECONDS]: for ever without a number. */
static void mode_sleep(char **args)
{
	struct timespec t = { .tv_sec = number(args[0]) };

	if (args[0])
		while (nanosleep(&t, &t) != 0)
			;
	else
		for (;;)
			pause();
}

static void print_signal(int signal_number)
{
	char line[32];
	int n = snprintf(line, sizeof line, "got: signal %d\n", signal_number);

	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(1);
}

/* stubborn: ignores, but reports, every signal that can be ignored, for ever. */
static void mode_stubborn(char **args)
{
	for (int s = 1; s < 32; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGCHLD)
			signal(s, print_signal);
	printf("stubborn: %d\n", getpid());
	fflush(stdout);
	(void)args;
	for (;;)
		pause();
}

/* daemon: a stubborn grandchild in a session of its own, which outlives us. */
static void mode_daemon(char **args)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0)
			mode_stubborn(args);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* children N: N children that sleep for ever. */
static void mode_children(char **args)
{
	fflush(stdout);
	for (int i = 0; i < number(args[0]); i++)
		if (fork() == 0)
			for (;;)
				pause();
	printf("children: %s\n", args[0]);
}

static void mode_exit(char **args)
{
	fflush(stdout);
	_exit(number(args[0]));
}

/* crash [SIGNAL]: killed by it, SIGSEGV by default. */
static void mode_crash(char **args)
{
	int s = args[0] ? number(args[0]) : SIGSEGV;

	fflush(stdout);
	signal(s, SIG_DFL);
	raise(s);
}

static const struct {
	const char *name;
	void (*run)(char **args);
} modes[] = {
	{ "calls", mode_calls },
	{ "cat", mode_cat },
	{ "children", mode_children },
	{ "crash", mode_crash },
	{ "daemon", mode_daemon },
	{ "echo", mode_echo },
	{ "env", mode_env },
	{ "exit", mode_exit },
	{ "fds", mode_fds },
	{ "fill", mode_fill },
	{ "id", mode_id },
	{ "line", mode_line },
	{ "ls", mode_ls },
	{ "mount-read", mode_mount_read },
	{ "mountinfo", mode_mountinfo },
	{ "net", mode_net },
	{ "pid", mode_pid },
	{ "read", mode_read },
	{ "run", mode_run },
	{ "signals", mode_signals },
	{ "sleep", mode_sleep },
	{ "stat", mode_stat },
	{ "stubborn", mode_stubborn },
	{ "tcp-echo", mode_tcp_echo },
	{ "time", mode_time },
	{ "vsock-answer", mode_vsock_answer },
	{ "vsock-connect", mode_vsock_connect },
	{ "vsock-echo", mode_vsock_echo },
	{ "vsock-latency", mode_vsock_latency },
	{ "vsock-pong", mode_vsock_pong },
	{ "write", mode_write },
};

/* Runs the mode at args, whose arguments end with NULL; false when there is no such mode. */
static int run_mode(char **args)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i].name, args[0]) == 0) {
			modes[i].run(args + 1);
			fflush(stdout);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	/* Lines go out whole, also into a pipe. */
	setvbuf(stdout, NULL, _IOLBF, 4096);
	for (int i = 1; i < argc; i++) {
		int first = i;
		while (argv[i] && strcmp(argv[i], "+") != 0)
			i++;
		argv[i] = NULL;
		if (!argv[first] || !run_mode(argv + first)) {
			fprintf(stderr, "facts: no mode \"%s\"\n", argv[first] ? argv[first] : "");
			return 2;
		}
	}
	return 0;
}
