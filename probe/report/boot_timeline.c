/* SPDX-License-Identifier: MIT */
#include "probe/report/boot_timeline.h"

#include "probe/memory.h"

#include <stdlib.h>
#include <string.h>

static void read_span(struct shape *s, struct boot_span *out)
{
	shape_text(s, "name", SHAPE_REQUIRED, &out->name);
	out->start_us.known = shape_number(s, "start_us", SHAPE_OPTIONAL, &out->start_us.value);
	out->duration_us.known =
		shape_number(s, "duration_us", SHAPE_OPTIONAL, &out->duration_us.value);
	shape_bool(s, "success", SHAPE_REQUIRED, &out->success);
	shape_text(s, "detail", SHAPE_OPTIONAL, &out->detail);
}

static void note_end(struct boot_times *t, const struct maybe *start, const struct maybe *duration)
{
	uint64_t end = start->known ? start->value : 0;

	if (duration != NULL && duration->known && duration->value < UINT64_MAX - end)
		end += duration->value;
	if (end > t->end_us)
		t->end_us = end;
}

bool boot_times_read(struct boot_times *t, struct inquiry *i)
{
	struct shape s, element = { 0 };
	size_t count;

	*t = (struct boot_times){ .end_us = 1 };
	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure) ||
		!shape_array(&s, "stages", SHAPE_REQUIRED, &count))
		return false;
	t->spans = memory_must(calloc(count > 0 ? count : 1, sizeof(*t->spans)));
	for (size_t n = 0; n < count && shape_element(&element, &s, "stages", n); n++) {
		struct boot_span *span = &t->spans[t->count++];

		read_span(&element, span);
		note_end(t, &span->start_us, &span->duration_us);
	}
	t->all_healthy_us.known =
		shape_number(&s, "all_healthy_us", SHAPE_OPTIONAL, &t->all_healthy_us.value);
	note_end(t, &t->all_healthy_us, NULL);
	return i->failure.kind == FAILURE_NONE;
}

bool boot_times_are_good(const struct boot_times *t)
{
	for (size_t n = 0; n < t->count; n++)
		if (!t->spans[n].success)
			return false;
	return true;
}

void boot_times_free(struct boot_times *t)
{
	free(t->spans);
	*t = (struct boot_times){ 0 };
}
