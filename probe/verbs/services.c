/* SPDX-License-Identifier: MIT */
#include "probe/report/service.h"
#include "probe/show/format.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/number_cell.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <stdio.h>

#define NAME_COLUMNS   40
#define REASON_COLUMNS 100

static int decode(struct inquiry *i, void *decoded)
{
	struct services *all = decoded;
	struct shape s;
	bool well = true;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure) ||
		!services_read(all, &s, SHAPE_REQUIRED))
		return EXIT_NO_ANSWER;
	for (size_t n = 0; n < all->count; n++)
		well = well && service_is_well(&all->items[n]);
	return well ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	bool answered = i->failure.kind == FAILURE_NONE;

	(void)decoded;
	output_set(object, "services",
		answered ? json_deep_copy(json_object_get(i->bodies[0], "services")) : json_null());
}

static void format_cpu(struct buf *b, uint64_t us)
{
	format_span(b, us / 1000);
}

/* Why the service is in this state, and what comes next. */
static void reason_cell(struct table *t, const struct service *s)
{
	char storage[8 * REASON_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, s->reason, REASON_COLUMNS);
	if (s->next_start_ms.known) {
		buf_puts(&b, b.len > 0 ? "; starts in " : "starts in ");
		format_span(&b, s->next_start_ms.value);
	}
	table_printf(t, "%s", b.data);
}

static const char *const heads[] = { "SERVICE", "STATE", "FOR", "PID", "UID", "RESTARTS",
	"LAST EXIT", "MEMORY", "CPU", "TASKS", "DETAIL", NULL };

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	const struct services *all = decoded;
	struct table t;

	if (page->many)
		out_printf(page->out, "%s:\n", i->target->shown);
	table_start(&t, heads, sizeof(heads) / sizeof(heads[0]) - 1);
	t.has_marks = page->has_marks;
	for (size_t n = 0; n < all->count; n++) {
		const struct service *s = &all->items[n];

		table_text(&t, s->name, NAME_COLUMNS);
		table_text(&t, s->state, 20);
		number_cell(&t, &s->state_ms, format_span);
		number_cell(&t, &s->pid, NULL);
		number_cell(&t, &s->uid, NULL);
		number_cell(&t, &s->restarts, NULL);
		number_cell(&t, &s->exit_code, NULL);
		number_cell(&t, &s->memory_bytes, format_bytes);
		number_cell(&t, &s->cpu_us, format_cpu);
		number_cell(&t, &s->tasks, NULL);
		reason_cell(&t, s);
		if (!service_is_well(s))
			table_mark(&t, TABLE_BAD);
	}
	table_sort(&t, page->sort);
	table_end(&t, page->many ? 2 : 0, page->out);
}

static void release(void *decoded)
{
	services_free(decoded);
}

int verb_services(const struct options *o)
{
	static const struct view view = { .size = sizeof(struct services),
		.decode = decode,
		.members = members,
		.print = print,
		.columns = heads,
		.release = release };

	return view_run(o, &(struct question){ .kind = REQUEST_SERVICES }, o->timeout_ms, &view);
}
