/* SPDX-License-Identifier: MIT */
/*
 * Whether the guest is busy. The agent measures only when the host asks, so an idle guest never
 * wakes up to measure itself. It takes the CPU time that all processes used since the last
 * measurement, except the agent and the commands it runs. From `threshold` processors on average,
 * the guest is busy.
 *
 * A measurement covers the time since the previous question of the host (or the agent's start),
 * and at least the sample interval: a question before that gets the previous answer.
 */
#ifndef AGENT_CHECKS_ACTIVITY_H
#define AGENT_CHECKS_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct activity {
	double threshold;     /* processors */
	uint64_t interval_ms; /* shortest time to measure over */
	uint64_t sampled_ms;  /* clock_ms() of the last measurement */
	uint64_t used_us;     /* activity_used_us() at that time */
	bool busy;
	bool was_busy;
	time_t last_busy_at; /* when `was_busy` */
};

/* CPU time since boot of all processes except the agent and its commands, in microseconds. */
struct activity_sample {
	uint64_t now_ms;
	uint64_t used_us;
};

/*
 * Take a sample. `commands_us` is the CPU time of the commands that have ended; it is used only if
 * the agent has no cgroup of its own. Without /proc/stat the CPU time counts as 0.
 */
struct activity_sample activity_sample(uint64_t commands_us);

/* The CPU time of all processes since boot, in microseconds; 0 without /proc/stat. */
uint64_t activity_used_us(void);

/* The same, from the text of /proc/stat (proc(5)). */
uint64_t activity_parse_stat(const char *text, uint64_t ticks_per_second);

/*
 * Set `path` to the cpu.stat file of the agent's cgroup, from the text of /proc/self/cgroup
 * (cgroups(7)). False if the cgroup is not the agent's alone.
 */
bool activity_parse_cgroup(const char *text, char *path, size_t size);

/* Start measuring; the guest counts as idle until the first measurement. */
void activity_begin(struct activity *a, const struct activity_sample *s);

/* Account for a sample. `now` is the time of day. */
void activity_update(struct activity *a, const struct activity_sample *s, time_t now);

#endif
