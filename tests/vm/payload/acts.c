/* SPDX-License-Identifier: MIT */
/*
 * What services do, well and badly: static, for images without a shell.
 *
 *   acts ACT [ARGUMENT...] [+ ACT [ARGUMENT...]]...
 *
 * The acts run one after the other, each printing lines "ACT: ..."; the table at the end has them
 * all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int number(const char *text)
{
	return text ? (int)strtol(text, NULL, 0) : 0;
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* Send a datagram to the socket of sd_notify(3). Returns 0 or errno. */
static int send_notice(const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (path == NULL)
		return ENOENT;
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof a) < 0)
		error = errno;
	close(fd);
	return error;
}

/* notify [TEXT]: READY=1 by default. */
static void act_notify(char **args)
{
	int error = send_notice(args[0] ? args[0] : "READY=1");

	printf("notify: %s\n", error ? strerror(error) : "sent");
}

/* notify-child: the same, from a grandchild in a session of its own. */
static void act_notify_child(char **args)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0) {
			act_notify(args);
			fflush(stdout);
			wait_for_ever();
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* bomb: forks until it is refused; what came of it stays, in sessions of their own. */
static void act_bomb(char **args)
{
	int count = 0;
	pid_t pid;

	(void)args;
	fflush(stdout);
	while ((pid = fork()) > 0)
		count++;
	if (pid == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		while (fork() > 0)
			;
		wait_for_ever();
	}
	printf("bomb: %d then %s\n", count, errno == EAGAIN ? "EAGAIN" : strerror(errno));
}

/* hog: takes memory for ever. */
static void act_hog(char **args)
{
	const size_t step = 1 << 20;
	int mib = 0;

	(void)args;
	for (;;) {
		char *p = malloc(step);

		if (p == NULL)
			break;
		memset(p, 1, step);
		if (++mib % 16 == 0) {
			printf("hog: %d MiB\n", mib);
			fflush(stdout);
		}
	}
	printf("hog: %s\n", strerror(errno));
}

/* flood COUNT [TEXT]: so many lines at once. */
static void act_flood(char **args)
{
	for (int i = 0; i < number(args[0]); i++)
		printf("flood: %d %s\n", i, args[1] ? args[1] : "");
}

/* spin: never lets go of the processor. */
/* nonblock: what a careless program leaves on the descriptors that it was given. */
static void act_nonblock(char **args)
{
	(void)args;
	for (int fd = 0; fd <= 2; fd++)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK | O_ASYNC | O_DIRECT);
	fcntl(1, F_SETPIPE_SZ, 4096);
}

/* lines N: N numbered lines, a write(2) each; then how many were refused, and the descriptors. */
static void act_lines(char **args)
{
	int count = number(args[0]), refused = 0;

	for (int i = 0; i < count; i++) {
		char text[64];
		int len = snprintf(text, sizeof text, "line %d of many that fill a pipe\n", i);

		refused += write(1, text, (size_t)len) != len;
	}
	printf("lines: %d refused, flags %#x %#x %#x, pipe %d\n", refused,
		fcntl(0, F_GETFL) & (O_NONBLOCK | O_ASYNC | O_DIRECT),
		fcntl(1, F_GETFL) & (O_NONBLOCK | O_ASYNC | O_DIRECT),
		fcntl(2, F_GETFL) & (O_NONBLOCK | O_ASYNC | O_DIRECT), fcntl(1, F_GETPIPE_SZ));
}

static void act_spin(char **args)
{
	(void)args;
	for (volatile int i = 0;; i++)
		;
}

/* kill PID SIGNAL */
static void act_kill(char **args)
{
	int failed = kill(number(args[0]), number(args[1]));

	printf("kill: %s %s %s\n", args[0], args[1], failed ? strerror(errno) : "ok");
}

/* leave: the process ends, and its child, which sleeps for ever, stays in the same session. */
static void act_leave(char **args)
{
	(void)args;
	fflush(stdout);
	if (fork() == 0)
		wait_for_ever();
	_exit(0);
}

/* link PATH...: where symbolic links lead. */
static void act_link(char **args)
{
	for (; *args; args++) {
		char target[256];
		ssize_t n = readlink(*args, target, sizeof target - 1);

		target[n < 0 ? 0 : n] = '\0';
		printf("link: %s %s\n", *args, n < 0 ? strerror(errno) : target);
	}
}

/* field FILE KEY...: the lines of a file that begin with one of the keys. */
static void act_field(char **args)
{
	char line[4096];
	FILE *f = fopen(args[0], "re");

	while (f && fgets(line, sizeof line, f))
		for (char **key = args + 1; *key; key++)
			if (strncmp(line, *key, strlen(*key)) == 0)
				printf("field: %s", line);
	printf("field-end: %s\n", f ? "ok" : strerror(errno));
	if (f)
		fclose(f);
}

/* put PATH TEXT: writes a line to a file that is there, in one write. */
static void act_put(char **args)
{
	FILE *f = fopen(args[0], "we");
	int failed = !f || fprintf(f, "%s\n", args[1]) < 0 || fflush(f) != 0;

	printf("put: %s %s\n", args[0], failed ? strerror(errno) : "ok");
	if (f)
		fclose(f);
}

/* nap MS */
static void act_nap(char **args)
{
	struct timespec t = { number(args[0]) / 1000, number(args[0]) % 1000 * 1000000L };

	while (nanosleep(&t, &t) != 0)
		;
}

/* The context switches of a process so far; -1 for a thread of the kernel, and when it is gone. */
static long switches_of(int pid, char name[64])
{
	char path[64], line[256];
	long sum = 0;
	int memory = 0;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		const char *value = strchr(line, '\t');

		if (strncmp(line, "Name:", 5) == 0)
			sscanf(line, "Name: %63[^\n]", name);
		memory |= strncmp(line, "VmRSS:", 6) == 0;
		if (strstr(line, "voluntary_ctxt_switches:") && value)
			sum += strtol(value, NULL, 10);
	}
	if (f)
		fclose(f);
	return memory ? sum : -1;
}

/* idle SECONDS: how often each other process is scheduled meanwhile. Prints nothing before. */
static void act_idle(char **args)
{
	struct timespec t = { number(args[0]), 0 };
	static long before[32768];
	char name[64];

	for (int round = 0; round < 2; round++) {
		DIR *d = opendir("/proc");

		for (struct dirent *e; d && (e = readdir(d));) {
			int pid = number(e->d_name);
			if (pid <= 0 || pid >= 32768 || pid == getpid())
				continue;
			long now = switches_of(pid, name);
			if (round == 1 && now >= 0)
				printf("idle: %s +%ld\n", name, now - before[pid]);
			before[pid] = now;
		}
		if (d)
			closedir(d);
		if (round == 0)
			nanosleep(&t, NULL);
	}
	printf("idle-end: %s s\n", args[0]);
}

/* zombies: how many processes wait to be reaped. */
static void act_zombies(char **args)
{
	DIR *d = opendir("/proc");
	int count = 0;

	(void)args;
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[300], line[512] = "";

		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		FILE *f = number(e->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		count += fgets(line, sizeof line, f) && strstr(line, ") Z ");
		fclose(f);
	}
	if (d)
		closedir(d);
	printf("zombies: %d\n", count);
}

/* orphans COUNT: as many grandchildren that end when their parent has. */
static void act_orphans(char **args)
{
	fflush(stdout);
	for (int i = 0; i < number(args[0]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			setsid();
			if (fork() == 0)
				usleep(1000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	printf("orphans: %s\n", args[0]);
}

/* count FILE: how many lines it has. */
static void act_count(char **args)
{
	FILE *f = fopen(args[0], "re");
	int lines = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		lines += c == '\n';
	printf("count: %s %d\n", args[0], f ? lines : -1);
	if (f)
		fclose(f);
}

static int read_file(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	static char block[65536];
	int fd = kind == FTW_F && S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	(void)where;
	while (fd >= 0 && read(fd, block, sizeof block) > 0)
		;
	if (fd >= 0)
		close(fd);
	return 0;
}

/* warm DIRECTORY: reads every file of its file system once, so that none is read from a disk later.
 */
static void act_warm(char **args)
{
	if (nftw(args[0], read_file, 16, FTW_MOUNT | FTW_PHYS) != 0)
		printf("warm: %s\n", strerror(errno));
}

/* clock WORD: seconds since boot, with three digits. */
static void act_clock(char **args)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("clock: %s %lld.%03ld\n", args[0] ? args[0] : "", (long long)t.tv_sec,
		t.tv_nsec / 1000000);
}

/* trap TEXT: sleeps until TERM comes, says TEXT and ends. */
static volatile sig_atomic_t trapped;

static void note_signal(int signal_number)
{
	trapped = signal_number;
}

static void act_trap(char **args)
{
	sigset_t term, before;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	signal(SIGTERM, note_signal);
	printf("trap: set\n");
	fflush(stdout);
	while (!trapped)
		sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	printf("trap: %s\n", args[0] ? args[0] : "");
}

static const struct {
	const char *name;
	void (*run)(char **args);
} acts[] = {
	{ "bomb", act_bomb },
	{ "clock", act_clock },
	{ "count", act_count },
	{ "field", act_field },
	{ "flood", act_flood },
	{ "hog", act_hog },
	{ "idle", act_idle },
	{ "kill", act_kill },
	{ "leave", act_leave },
	{ "link", act_link },
	{ "lines", act_lines },
	{ "nap", act_nap },
	{ "nonblock", act_nonblock },
	{ "notify", act_notify },
	{ "notify-child", act_notify_child },
	{ "orphans", act_orphans },
	{ "put", act_put },
	{ "spin", act_spin },
	{ "trap", act_trap },
	{ "warm", act_warm },
	{ "zombies", act_zombies },
};

/* Runs the act at args, whose arguments end with NULL; false when there is no such act. */
static int run_act(char **args)
{
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		if (strcmp(acts[i].name, args[0]) == 0) {
			acts[i].run(args + 1);
			fflush(stdout);
			return 1;
		}
	}
	return 0;
}

/* What is no act is a program to go on as: "acts notify + /bin/facts sleep". */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 4096);
	for (int i = 1; i < argc; i++) {
		int first = i;

		if (argv[first][0] == '/') {
			execv(argv[first], argv + first);
			fprintf(stderr, "acts: %s: %s\n", argv[first], strerror(errno));
			return 2;
		}
		while (argv[i] && strcmp(argv[i], "+") != 0)
			i++;
		argv[i] = NULL;
		if (!argv[first] || !run_act(argv + first)) {
			fprintf(stderr, "acts: no act \"%s\"\n", argv[first] ? argv[first] : "");
			return 2;
		}
	}
	return 0;
}
