/* SPDX-License-Identifier: MIT */
#include "agent/schedule.h"

uint64_t schedule_ms(uint64_t secs)
{
	if (secs == 0)
		secs = 1;
	if (secs > SCHEDULE_SECS_MAX)
		secs = SCHEDULE_SECS_MAX;
	return secs * 1000;
}

uint64_t schedule_eager(uint64_t interval_ms, unsigned int failures)
{
	uint64_t ms = failures < 30 ? (uint64_t)1000 << (failures - 1) : interval_ms;

	return ms < interval_ms ? ms : interval_ms;
}

uint64_t schedule_next(uint64_t started_ms, uint64_t interval_ms, uint64_t now_ms)
{
	if (now_ms < started_ms)
		return started_ms + interval_ms;
	return started_ms + ((now_ms - started_ms) / interval_ms + 1) * interval_ms;
}
