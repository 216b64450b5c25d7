/* SPDX-License-Identifier: MIT */
/*
 * Is the guest busy? Measured when the host asks, so that an idle guest is not woken to measure
 * itself: how much CPU time all processes have used since the last measurement, without that of
 * the agent and of the commands that it runs. It is "busy" when that is at least `threshold`
 * processors on average.
 *
 * A measurement covers the time between two questions of the host (or since the agent's start),
 * and at least the sample interval: questions that come sooner get the last answer.
 */
#ifndef AGENT_CHECKS_ACTIVITY_H
#define AGENT_CHECKS_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct activity {
	double threshold;     /* processors */
	uint64_t interval_ms; /* the shortest time to measure over */
	uint64_t sampled_ms;  /* clock_ms() of the last measurement */
	uint64_t used_us;     /* CPU time of others until then */
	bool busy;
	bool was_busy;
	time_t last_busy_at; /* when `was_busy` */
};

/* CPU time since boot of everything but the agent and its commands, in microseconds. */
struct activity_sample {
	uint64_t now_ms;
	uint64_t used_us;
};

/*
 * Take a sample. `commands_us` is the CPU time of the commands that have ended; it counts only
 * where the agent has no cgroup of its own. Without /proc/stat it is as if no CPU time had been
 * used.
 */
struct activity_sample activity_sample(uint64_t commands_us);

/* The CPU time of all processes since boot, in microseconds; 0 without /proc/stat. */
uint64_t activity_used_us(void);

/* The same, from the text of /proc/stat (proc(5)). */
uint64_t activity_parse_stat(const char *text, uint64_t ticks_per_second);

/*
 * Put into `path` where the agent's cgroup tells of its CPU time, from the text of
 * /proc/self/cgroup (cgroups(7)). False when that cgroup is not the agent's alone.
 */
bool activity_parse_cgroup(const char *text, char *path, size_t size);

/* Start measuring, from idle. */
void activity_begin(struct activity *a, const struct activity_sample *s);

/* Take a sample into account. `now` is the time of day. */
void activity_update(struct activity *a, const struct activity_sample *s, time_t now);

#endif
