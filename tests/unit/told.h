/* SPDX-License-Identifier: MIT */
/* A reporter for tests: told[] gets a line for each problem. */
#ifndef TESTS_UNIT_TOLD_H
#define TESTS_UNIT_TOLD_H

#include "base/problem.h"

#include <criterion/criterion.h>
#include <string.h>

static char told[8192];

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	cr_assert(strlen(told) + strlen(p->text) + 2 <= sizeof(told));
	strcat(strcat(told, p->text), "\n");
}

static const struct reporter tell = { .take = take_problem };

#endif
