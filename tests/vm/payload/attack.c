/* SPDX-License-Identifier: MIT */
/*
 * A service that takes all there is of one thing: static, for images without a shell.
 *
 *   attack NAME [HOLD_MS [MAX]]
 *
 * waits until the memory of an attack before it is free, takes one after the other until it is
 * refused or has MAX, goes on in a child when that was the limit of one process, says "attack:
 * NAME: N then ERRNO", keeps asking for HOLD_MS, and ends. The tables have all names.
 */
#include "attack.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 200000

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Take until refused. Returns how many; `error` says why no more. */
static long take_all(int (*take)(void), long max, int *error)
{
	long count = 0;

	*error = 0;
	while (count < max && (*error = take()) == 0)
		count++;
	return count;
}

/* In a child, when one process can have no more but another can. Returns in the child. */
static int go_on_in_child(void)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		return 0;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

static void attack(const struct attack *a, long hold_ms, long max)
{
	int error;
	long sum = take_all(a->take, max, &error), end;

	while (error == EMFILE && sum < max) {
		long more;

		error = go_on_in_child();
		if (error != 0)
			break;
		a->fresh();
		more = take_all(a->take, max - sum, &error);
		sum += more;
		if (more == 0)
			break;
	}
	printf("attack: %s: %ld then %s\n", a->name, sum, strerror(error));
	fflush(stdout);
	end = now_ms() + hold_ms;
	while (now_ms() < end)
		a->take();
	printf("attack: %s: lets go\n", a->name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct attack *const tables[] = { attacks_memory, attacks_descriptors,
		attacks_sockets, attacks_kernel };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t t = 0; argc > 1 && t < sizeof tables / sizeof *tables; t++)
		for (const struct attack *a = tables[t]; a->name; a++)
			if (strcmp(a->name, argv[1]) == 0) {
				usleep(PAUSE_US);
				a->fresh();
				attack(a, argc > 2 ? strtol(argv[2], NULL, 10) : 0,
					argc > 3 ? strtol(argv[3], NULL, 10) : 1 << 30);
				return 0;
			}
	fprintf(stderr, "attack: no attack \"%s\"\n", argc > 1 ? argv[1] : "");
	return 2;
}
