/* SPDX-License-Identifier: MIT */
/* boot: the stages of the guest's boot with their times. */
#include "probe/memory.h"
#include "probe/report/service.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_COLUMNS   40
#define DETAIL_COLUMNS 100

struct stage {
	struct text name, detail;
	struct maybe start_us, duration_us;
	bool success;
};

struct timeline {
	struct stage *stages;
	size_t count;
	struct maybe all_healthy_us;
};

static void read_stage(struct shape *s, struct stage *out)
{
	shape_text(s, "name", SHAPE_REQUIRED, &out->name);
	out->start_us.known = shape_number(s, "start_us", SHAPE_OPTIONAL, &out->start_us.value);
	out->duration_us.known =
		shape_number(s, "duration_us", SHAPE_OPTIONAL, &out->duration_us.value);
	shape_bool(s, "success", SHAPE_REQUIRED, &out->success);
	shape_text(s, "detail", SHAPE_OPTIONAL, &out->detail);
}

static int decode(struct inquiry *i, void *decoded)
{
	struct timeline *t = decoded;
	struct shape s, element = { 0 };
	bool well = true;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure) ||
		!shape_array(&s, "stages", SHAPE_REQUIRED, &count))
		return EXIT_NO_ANSWER;
	t->stages = memory_must(calloc(count > 0 ? count : 1, sizeof(*t->stages)));
	for (size_t n = 0; n < count && shape_element(&element, &s, "stages", n); n++) {
		struct stage *stage = &t->stages[t->count++];

		read_stage(&element, stage);
		well = well && stage->success;
	}
	t->all_healthy_us.known =
		shape_number(&s, "all_healthy_us", SHAPE_OPTIONAL, &t->all_healthy_us.value);
	return well ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct timeline *t = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "stages",
		answered ? json_deep_copy(json_object_get(i->bodies[0], "stages")) : json_null());
	output_set(object, "all_healthy_us",
		answered && t->all_healthy_us.known
			? json_integer((json_int_t)t->all_healthy_us.value)
			: json_null());
}

static void ms_cell(struct table *t, const struct maybe *us)
{
	if (us->known)
		table_printf(t, "%llu.%03llu", (unsigned long long)(us->value / 1000),
			(unsigned long long)(us->value % 1000));
	else
		table_printf(t, "-");
}

static void print(const struct inquiry *i, const void *decoded, bool many)
{
	static const char *const heads[] = { "STAGE", "AT MS", "TOOK MS", "RESULT", "DETAIL" };
	const struct timeline *line = decoded;
	struct table t;

	if (many)
		printf("%s:\n", i->target->shown);
	table_start(&t, heads, 5);
	for (size_t n = 0; n < line->count; n++) {
		const struct stage *s = &line->stages[n];

		table_text(&t, s->name, NAME_COLUMNS);
		ms_cell(&t, &s->start_us);
		ms_cell(&t, &s->duration_us);
		table_printf(&t, "%s", s->success ? "done" : "failed");
		table_text(&t, s->detail, DETAIL_COLUMNS);
	}
	if (line->all_healthy_us.known) {
		table_printf(&t, "every check healthy");
		ms_cell(&t, &line->all_healthy_us);
		table_printf(&t, "%s", "");
		table_printf(&t, "%s", "");
		table_printf(&t, "%s", "");
	}
	table_end(&t, many ? 2 : 0, stdout);
}

static void release(void *decoded)
{
	struct timeline *t = decoded;

	free(t->stages);
}

int verb_boot(const struct options *o)
{
	static const struct view view = { .size = sizeof(struct timeline),
		.decode = decode,
		.members = members,
		.print = print,
		.release = release };

	return view_run(
		o, &(struct question){ .kind = REQUEST_BOOT_TIMELINE }, o->timeout_ms, &view);
}
