/* SPDX-License-Identifier: MIT */
/* Where answers are printed for people, and how. */
#ifndef PROBE_VERBS_PAGE_H
#define PROBE_VERBS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct page {
	FILE *out;
	bool many;      /* there is more than one target */
	bool has_marks; /* lines may stand out: enum table_mark */
	size_t sort;    /* by this column: table_sort() */
};

#endif
