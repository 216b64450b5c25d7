/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>

static const char *utc(time_t when)
{
	static char text[CLOCK_UTC_MAX];

	clock_utc(when, text);
	return text;
}

Test(clock, times_as_text)
{
	cr_expect_str_eq(utc(0), "1970-01-01T00:00:00Z");
	cr_expect_str_eq(utc(951782399), "2000-02-28T23:59:59Z");
	cr_expect_str_eq(utc(951782400), "2000-02-29T00:00:00Z");
	cr_expect_str_eq(utc(1774088100), "2026-03-21T10:15:00Z");
	cr_expect_str_eq(utc(4107542400), "2100-03-01T00:00:00Z");
	cr_expect_str_eq(utc(253402300799), "9999-12-31T23:59:59Z");
}

Test(clock, times_beyond_both_ends)
{
	cr_expect_str_eq(utc(-1), "1970-01-01T00:00:00Z");
	cr_expect_str_eq(utc(INT64_MIN), "1970-01-01T00:00:00Z");
	cr_expect_str_eq(utc(253402300800), "9999-12-31T23:59:59Z");
	cr_expect_str_eq(utc(INT64_MAX), "9999-12-31T23:59:59Z");
}

/* The C library is the reference, over 8,000 years in steps of some days. */
Test(clock, every_kind_of_year)
{
	for (time_t when = 0; when < 253402300799; when += 1234567) {
		char want[CLOCK_UTC_MAX];
		struct tm tm;

		gmtime_r(&when, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
		cr_assert_str_eq(utc(when), want);
	}
}

Test(clock, monotonic)
{
	uint64_t before_ms = clock_ms(), us = clock_us(), after_ms = clock_ms();

	cr_assert_leq(before_ms, us / 1000);
	cr_assert_leq(us / 1000, after_ms);
}
