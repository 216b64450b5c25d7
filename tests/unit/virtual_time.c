/* SPDX-License-Identifier: MIT */
#include "virtual_time.h"

#include "base/clock.h"

#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define START_MS 1000000

static int virtual_fd = -1;
static uint64_t now_ms = START_MS;

void virtual_time_start(int epoll_fd)
{
	virtual_fd = epoll_fd;
	now_ms = START_MS;
}

uint64_t virtual_time_ms(void)
{
	return now_ms - START_MS;
}

uint64_t clock_us(void)
{
	struct timespec ts;

	if (virtual_fd >= 0)
		return now_ms * 1000;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
	return clock_us() / 1000;
}

/* Replaces the C library's function in the whole program, also for Criterion's threads. */
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	bool is_virtual = virtual_fd >= 0 && fd == virtual_fd;
	int n = (int)syscall(SYS_epoll_pwait, fd, events, max,
		is_virtual && timeout_ms > 0 ? 0 : timeout_ms, NULL, 8);

	if (is_virtual && n == 0 && timeout_ms > 0)
		now_ms += (uint64_t)timeout_ms;
	return n;
}
