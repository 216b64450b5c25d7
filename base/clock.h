/* SPDX-License-Identifier: MIT */
/* Time: monotonic milliseconds for deadlines, UTC text for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_UTC_MAX 32

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t clock_ms(void);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t clock_us(void);

/*
 * Write `when` (seconds since 1970 UTC) as "YYYY-MM-DDThh:mm:ssZ" to `out`. Years before 1970 and
 * after 9999 are shown as the nearest of the two.
 */
void clock_utc(time_t when, char out[CLOCK_UTC_MAX]);

#endif
