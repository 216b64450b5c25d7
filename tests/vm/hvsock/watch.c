/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "options.h"

#include <errno.h>
#include <stddef.h>

static int set = -1;

void watch_init(void)
{
	set = epoll_create1(EPOLL_CLOEXEC);
	if (set < 0)
		log_die("epoll_create1");
}

bool watch_add(int fd, struct watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

void watch_remove(int fd)
{
	epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
}

int watch_wait(struct epoll_event *events, int max, int timeout_ms)
{
	int n = epoll_wait(set, events, max, timeout_ms);

	if (n < 0 && errno != EINTR)
		log_die("epoll_wait");
	return n < 0 ? 0 : n;
}
