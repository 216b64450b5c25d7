/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/buf.h"

uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
	return clock_us() / 1000;
}

void clock_utc(time_t when, char out[CLOCK_UTC_MAX])
{
	const time_t last = 253402300799; /* 9999-12-31T23:59:59Z */
	struct tm tm;

	if (when < 0)
		when = 0;
	if (when > last)
		when = last;
	gmtime_r(&when, &tm);
	buf_format(out, CLOCK_UTC_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ",
		(tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec);
}
