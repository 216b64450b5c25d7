/* SPDX-License-Identifier: MIT */
#include "agent/checks/activity.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_FIRST_LINE 256
#define CGROUP_NAME     "/mvm-guest-agent" /* init(8) chooses the name */

/*
 * The line is: cpu  user nice system idle iowait irq softirq steal guest guest_nice, in ticks. user
 * and nice include guest and guest_nice. idle, iowait and steal (taken by the host) are not work of
 * this guest.
 */
uint64_t activity_parse_stat(const char *text, uint64_t ticks_per_second)
{
	static const bool counts[] = { true, true, true, false, false, true, true };
	uint64_t ticks = 0;
	char *end;

	if (strncmp(text, "cpu ", 4) != 0 || ticks_per_second == 0)
		return 0;
	text += 4;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		unsigned long long n = strtoull(text, &end, 10);

		if (end == text)
			break;
		ticks += counts[i] ? n : 0;
		text = end;
	}
	return ticks * (1000000 / ticks_per_second);
}

uint64_t activity_used_us(void)
{
	char text[STAT_FIRST_LINE]; /* only the first line is needed */
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return activity_parse_stat(text, (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t timeval_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

bool activity_parse_cgroup(const char *text, char *path, size_t size)
{
	size_t len = strcspn(text, "\n"), name = strlen(CGROUP_NAME);

	/* A cgroup shared with other programs says nothing about the agent. */
	if (strncmp(text, "0::", 3) != 0 || len < 3 + name ||
		strncmp(text + len - name, CGROUP_NAME, name) != 0)
		return false;
	buf_format(path, size, "/sys/fs/cgroup%.*s/cpu.stat", (int)len - 3, text + 3);
	return true;
}

/*
 * CPU time of the agent and all its descendants, from its cgroup: also of commands that still run,
 * and of processes that left their command. False if the agent has no cgroup of its own.
 */
static bool cgroup_used_us(uint64_t *us)
{
	static const char key[] = "usage_usec ";
	char text[1024], path[PATH_MAX];

	if (file_read("/proc/self/cgroup", text, sizeof(text), NULL) != 0 ||
		!activity_parse_cgroup(text, path, sizeof(path)) ||
		file_read(path, text, sizeof(text), NULL) != 0 ||
		strncmp(text, key, strlen(key)) != 0)
		return false;
	*us = strtoull(text + strlen(key), NULL, 10);
	return true;
}

static uint64_t self_used_us(void)
{
	struct rusage self;

	if (getrusage(RUSAGE_SELF, &self) != 0)
		return 0;
	return timeval_us(&self.ru_utime) + timeval_us(&self.ru_stime);
}

struct activity_sample activity_sample(uint64_t commands_us)
{
	struct activity_sample s = { .now_ms = clock_ms(), .used_us = activity_used_us() };
	uint64_t own_us;

	if (!cgroup_used_us(&own_us))
		own_us = self_used_us() + commands_us;
	s.used_us = s.used_us > own_us ? s.used_us - own_us : 0;
	return s;
}

static void take(struct activity *a, const struct activity_sample *s)
{
	a->sampled_ms = s->now_ms;
	a->used_us = s->used_us;
}

void activity_begin(struct activity *a, const struct activity_sample *s)
{
	a->busy = a->was_busy = false;
	take(a, s);
}

void activity_update(struct activity *a, const struct activity_sample *s, time_t now)
{
	uint64_t elapsed_ms = s->now_ms - a->sampled_ms;
	uint64_t used_us = s->used_us > a->used_us ? s->used_us - a->used_us : 0;

	if (elapsed_ms < a->interval_ms || elapsed_ms == 0)
		return;
	a->busy = (double)used_us >= a->threshold * 1000.0 * (double)elapsed_ms;
	if (a->busy) {
		a->was_busy = true;
		a->last_busy_at = now;
	}
	take(a, s);
}
