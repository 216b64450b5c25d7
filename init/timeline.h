/* SPDX-License-Identifier: MIT */
/* How long each stage of the boot took. */
#ifndef INIT_TIMELINE_H
#define INIT_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#define TIMELINE_MAX 24

struct timeline_stage {
	const char *name;
	uint64_t start_us, end_us; /* CLOCK_MONOTONIC, which begins with the kernel */
};

struct timeline {
	struct timeline_stage stages[TIMELINE_MAX];
	size_t count;
};

/* The stage that began where the previous one ended has ended now. */
void timeline_mark(struct timeline *t, const char *name);

/* A stage that began at `start_us` has ended now. */
void timeline_add(struct timeline *t, const char *name, uint64_t start_us);

/* Stage number `i`, or NULL. */
const struct timeline_stage *timeline_stage(const struct timeline *t, size_t i);

#endif
