/* SPDX-License-Identifier: MIT */
/* Processes and threads, and doors of the kernel that should be shut. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static int take_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for_ever();
	}
	return pid < 0 ? errno : 0;
}

/* Processes that all want the processor. */
static int take_spinner(void)
{
	static int number;
	pid_t pid = number++ < 200 ? fork() : (errno = EAGAIN, -1);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (volatile int i = 0;; i++)
			;
	}
	return pid < 0 ? errno : 0;
}

/* Processes that come and go as fast as they can, in sessions of their own. */
static int take_bomb(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		while (fork() >= 0)
			;
		wait_for_ever();
	}
	return pid < 0 ? errno : 0;
}

static void *sleep_on(void *arg)
{
	wait_for_ever();
	return arg;
}

static int take_thread(void)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 16384);
	return pthread_create(&t, &a, sleep_on, NULL);
}

static int take_key(void)
{
	static int number;
	char name[16] = "key";

	for (int n = number++, i = 3; i < 12; i++, n /= 10)
		name[i] = (char)('0' + n % 10);
	return syscall(SYS_add_key, "user", name, name, 1024, -5 /* the session's */) < 0 ? errno
											  : 0;
}

static int take_signal(void)
{
	union sigval v = { 0 };
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return sigqueue(getpid(), SIGRTMIN, v) != 0 ? errno : 0;
}

static int take_timer(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &none, &timer) != 0 ? errno : 0;
}

static int take_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) != 0 ? errno : 0;
}

const struct attack attacks_kernel[] = {
	{ "bomb", take_bomb, attack_nothing },
	{ "keys", take_key, attack_nothing },
	{ "processes", take_process, attack_nothing },
	{ "signals", take_signal, attack_nothing },
	{ "spin", take_spinner, attack_nothing },
	{ "threads", take_thread, attack_nothing },
	{ "timers", take_timer, attack_nothing },
	{ "user-namespace", take_user_namespace, attack_nothing },
	{ 0 },
};
