/* SPDX-License-Identifier: MIT */
#include "base/reserve.h"

#include <criterion/criterion.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static struct reserve divide(uint64_t available, uint64_t kept, uint64_t services)
{
	struct reserve r;

	reserve_divide(available, kept, services, 884, 60, &r);
	return r;
}

Test(reserve, formula)
{
	struct reserve r = divide(96 * MIB, RESERVE_AUTOMATIC, 10);

	cr_expect_eq(r.kept, 6 * MIB + 3 * MIB + 680 * KIB);
	cr_expect_eq(r.memory_max, 96 * MIB - r.kept);
	cr_expect_eq(r.memory_high, r.memory_max - r.memory_max / 32);
}

/* From the smallest guest to the largest: both sides always get memory. */
Test(reserve, every_size)
{
	for (uint64_t available = 16 * MIB; available <= 64 * GIB; available += available / 7) {
		struct reserve r = divide(available, RESERVE_AUTOMATIC, 3);

		cr_assert_geq(r.kept, 6 * MIB);
		cr_assert_leq(r.kept, available / 2);
		cr_assert_leq(r.kept, 1031 * MIB);
		cr_assert_eq(r.memory_max + r.kept, available);
		cr_assert_leq(r.memory_high + MIB, r.memory_max);
		cr_assert_geq(r.memory_high + 64 * MIB, r.memory_max);
	}
}

Test(reserve, many_services_get_half_at_least)
{
	cr_expect_eq(divide(20 * MIB, RESERVE_AUTOMATIC, 5000).memory_max, 10 * MIB);
}

Test(reserve, as_told)
{
	cr_expect_eq(divide(96 * MIB, 20 * MIB, 10).memory_max, 76 * MIB);
	cr_expect_eq(divide(96 * MIB, 0, 10).memory_max, 96 * MIB);
	cr_expect_eq(divide(96 * MIB, 90 * MIB, 10).memory_max, 48 * MIB);
}

Test(reserve, nothing_is_known)
{
	struct reserve r = divide(0, RESERVE_AUTOMATIC, 1);

	cr_expect_eq(r.memory_max, 0);
	cr_expect_eq(r.memory_high, 0);
}

Test(reserve, tasks)
{
	struct reserve r;

	cr_expect_eq(divide(MIB, 0, 0).tasks_max, 884 - 60 - 64);
	cr_expect_eq(divide(MIB, 0, 0).tasks_high, 570);
	reserve_divide(MIB, 0, 0, 100, 90, &r);
	cr_expect_eq(r.tasks_max, 50);
}

Test(reserve, this_machine_has_memory)
{
	cr_expect_gt(reserve_available(), MIB);
}
