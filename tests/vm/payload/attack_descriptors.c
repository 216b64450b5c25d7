/* SPDX-License-Identifier: MIT */
/* Descriptors, and what the kernel keeps behind them. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char block[1 << 16];

static int of(int fd)
{
	return fd < 0 ? errno : 0;
}

static int take_file(void)
{
	return of(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static int take_eventfd(void)
{
	return of(eventfd(0, EFD_CLOEXEC));
}

static int take_pipe(void)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* until the user's share is used up: then smaller */
	while (write(fds[1], block, sizeof block) > 0)
		;
	return 0;
}

static int take_inotify(void)
{
	return of(inotify_init1(IN_CLOEXEC));
}

static int inotify_fd;

static void open_inotify(void)
{
	inotify_fd = inotify_init1(IN_CLOEXEC);
}

/* Each watches a directory of its own, which it makes. */
static int take_watch(void)
{
	static int number;
	char path[64];

	snprintf(path, sizeof path, "/tmp/watch-%d", number++);
	mkdir(path, 0700);
	return of(inotify_add_watch(inotify_fd, path, IN_ALL_EVENTS));
}

static int epoll_fd;

static void open_epoll(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
}

static int take_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return errno;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0 ? errno : 0;
}

static int take_terminal(void)
{
	return of(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static int take_io_uring(void)
{
	struct io_uring_params p = { 0 };

	return of((int)syscall(SYS_io_uring_setup, 4096, &p));
}

/* A record lock for each second byte: none joins its neighbour. */
static int lock_fd;

static void open_lock(void)
{
	lock_fd = open("/tmp/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int take_lock(void)
{
	static off_t at;
	struct flock l = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at += 2, .l_len = 1
	};

	return fcntl(lock_fd, F_SETLK, &l) != 0 ? errno : 0;
}

const struct attack attacks_descriptors[] = {
	{ "epoll", take_epoll, open_epoll },
	{ "eventfd", take_eventfd, attack_nothing },
	{ "files", take_file, attack_nothing },
	{ "inotify", take_inotify, attack_nothing },
	{ "io-uring", take_io_uring, attack_nothing },
	{ "locks", take_lock, open_lock },
	{ "pipes", take_pipe, attack_nothing },
	{ "terminals", take_terminal, attack_nothing },
	{ "watches", take_watch, open_inotify },
	{ 0 },
};
