/* SPDX-License-Identifier: MIT */
/* When a check runs next. */
#ifndef AGENT_SCHEDULE_H
#define AGENT_SCHEDULE_H

#include <stdint.h>

#define SCHEDULE_SECS_MAX 31536000 /* a year: longer intervals and timeouts count as this */

/* Seconds of a configuration file as milliseconds: from one second to SCHEDULE_SECS_MAX. */
uint64_t schedule_ms(uint64_t secs);

/*
 * The interval of a check that is not healthy yet although its service has just begun to start:
 * after its first failure (`failures` 1) a second, then two, four ... up to the usual one.
 */
uint64_t schedule_eager(uint64_t interval_ms, unsigned int failures);

/*
 * When a check that started at `started_ms` and has ended by `now_ms` starts again. Intervals run
 * from start to start. A check that took longer than its interval, or a clock that has jumped,
 * leaves out starts instead of catching up. All times in clock_ms(); interval_ms is at least 1.
 */
uint64_t schedule_next(uint64_t started_ms, uint64_t interval_ms, uint64_t now_ms);

#endif
