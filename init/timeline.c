/* SPDX-License-Identifier: MIT */
#include "init/timeline.h"

#include "base/clock.h"

void timeline_add(struct timeline *t, const char *name, uint64_t start_us)
{
	if (t->count < TIMELINE_MAX)
		t->stages[t->count++] = (struct timeline_stage){ name, start_us, clock_us() };
}

void timeline_mark(struct timeline *t, const char *name)
{
	timeline_add(t, name, t->count == 0 ? 0 : t->stages[t->count - 1].end_us);
}

const struct timeline_stage *timeline_stage(const struct timeline *t, size_t i)
{
	return i < t->count ? &t->stages[i] : NULL;
}
