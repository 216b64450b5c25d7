/* SPDX-License-Identifier: MIT */
/* The page that answers are printed on, for people. */
#ifndef PROBE_VERBS_PAGE_H
#define PROBE_VERBS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct page {
	FILE *out;
	bool many;      /* there is more than one target */
	bool has_marks; /* lines may be highlighted: enum table_mark */
	size_t sort;    /* by this column: table_sort() */
};

#endif
