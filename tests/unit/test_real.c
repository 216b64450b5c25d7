/* SPDX-License-Identifier: MIT */
/* Real numbers: the same texts as the C library's. */
#include "base/real.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void compare(double value, unsigned int precision)
{
	char want[400], got[400];
	int n = snprintf(want, sizeof(want), "%.*g", (int)precision, value);

	cr_assert_eq(real_format(got, sizeof(got), precision, value), (size_t)n, "%s, not %s", got,
		want);
	cr_assert_str_eq(got, want);
}

Test(real, chosen)
{
	static const double values[] = { 0, 1, 0.1, 0.5, 2.5, 9.5, 99.5, 0.95, 123456789, 1e15,
		1e16, 1e17, 1e22, 1e23, 1e-4, 1e-5, 0.00012345, 9.9999999999999999e22, DBL_MAX,
		DBL_MIN, DBL_TRUE_MIN, 4503599627370496.5, 9007199254740993.0, 1.0 / 3 };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (unsigned int precision = 1; precision <= 40; precision++) {
			compare(values[i], precision);
			compare(-values[i], precision);
		}
}

Test(real, any)
{
	uint64_t bits = 88172645463325252;

	for (int i = 0; i < 20000; i++) {
		double value;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			compare(value, (unsigned int)i % 20 + 1);
		compare((double)(bits % 1000000) / 1000, 17);
	}
}

Test(real, no_room)
{
	char text[4];

	cr_expect_eq(real_format(text, sizeof(text), 17, 123456), sizeof(text));
}
