/* SPDX-License-Identifier: MIT */
/* top: the services of all guests in one table, the busiest first, refreshed again and again. */
#include "base/clock.h"
#include "base/strings.h"
#include "probe/memory.h"
#include "probe/report/service.h"
#include "probe/show/format.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/number_cell.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/watch.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS   30
#define REASON_COLUMNS 60
#define CPU_COLUMN     4
#define LINES_ON_TOP   2 /* the summary and the heading */
#define RESTART_MS     30000

static const char *const heads[] = { "VM", "SERVICE", "STATE", "FOR", "CPU%", "MEMORY", "TASKS",
	"RESTARTS", "DETAIL", NULL };

/* A service. Or a guest that does not answer: `name` is "" and `state` says so. */
struct row {
	const struct target *target;
	char *name, *state,
		*detail; /* safe to show, except `name`, which is as the guest sent it */
	uint64_t id;     /* of target and name */
	uint64_t at_us;  /* clock_us() of the answer */
	struct maybe state_ms, cpu_us, memory_bytes, tasks, restarts, permille;
	bool is_well;
};

/* CPU time of a service at one time. */
struct sample {
	uint64_t id, cpu_us, at_us;
};

struct top {
	struct watch watch;
	struct row *rows;
	size_t count;
	struct sample *samples; /* by id */
	size_t sample_count;
	size_t vms, silent, not_well;
	/* The chosen service, and its restart. */
	bool has_picked; /* the user moved: a service is chosen, not the top line */
	uint64_t chosen_id;
	size_t chosen_row; /* of `rows`; `count`: none */
	bool asks_for_restart;
	struct target restart_target;
	char *restart_text, *restart_name;
	struct question restart_question;
	struct inquiry restart;
	bool is_restarting;
};

/* ---- answers --------------------------------------------------------------------------------- */

static void clear_rows(struct top *t)
{
	for (size_t n = 0; n < t->count; n++) {
		free(t->rows[n].name);
		free(t->rows[n].state);
		free(t->rows[n].detail);
	}
	free(t->rows);
	t->rows = NULL;
	t->count = t->vms = t->silent = t->not_well = 0;
}

static char *visible(struct text text, size_t max)
{
	char storage[8 * REASON_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, max);
	return memory_copy(b.data, b.len);
}

static uint64_t id_of(const struct target *t, const char *service)
{
	return strings_hash(t->text) * 31 + strings_hash(service);
}

static struct row *add_row(struct top *t, const struct target *target, struct text name)
{
	struct row *row;

	t->rows = memory_for_one_more(t->rows, t->count, sizeof(*t->rows));
	row = &t->rows[t->count++];
	*row = (struct row){ .target = target, .name = memory_copy(name.bytes, name.len) };
	row->id = id_of(target, row->name);
	return row;
}

static int by_id(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Compute the share of one processor since the previous sample, in thousandths. */
static void measure(const struct top *t, struct row *row)
{
	const struct sample *before =
		t->sample_count == 0 ? NULL
				     : bsearch(&(struct sample){ .id = row->id }, t->samples,
					       t->sample_count, sizeof(*t->samples), by_id);

	if (!row->cpu_us.known || before == NULL || row->cpu_us.value < before->cpu_us ||
		row->at_us <= before->at_us)
		return;
	row->permille.known = true;
	row->permille.value =
		(row->cpu_us.value - before->cpu_us) * 1000 / (row->at_us - before->at_us);
}

static void add_service(
	struct top *t, const struct inquiry *i, const struct service *s, uint64_t at_us)
{
	struct row *row = add_row(t, i->target, s->name);

	row->at_us = at_us;
	row->state = visible(s->state, 20);
	row->detail = visible(s->reason, REASON_COLUMNS);
	row->state_ms = s->state_ms;
	row->cpu_us = s->cpu_us;
	row->memory_bytes = s->memory_bytes;
	row->tasks = s->tasks;
	row->restarts = s->restarts;
	row->is_well = service_is_well(s);
	t->not_well += !row->is_well;
	measure(t, row);
}

static void add_failure(struct top *t, const struct inquiry *i)
{
	struct row *row = add_row(t, i->target, text_of(""));

	row->state = memory_copy("unreachable", strlen("unreachable"));
	row->detail = visible(text_of(i->failure.text), REASON_COLUMNS);
	t->silent++;
}

static void add_guest(struct top *t, struct inquiry *i)
{
	struct services all = { 0 };
	struct shape s;

	t->vms++;
	inquiry_decode(i);
	if (i->failure.kind == FAILURE_NONE &&
		shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		services_read(&all, &s, SHAPE_OPTIONAL);
	if (i->failure.kind != FAILURE_NONE)
		add_failure(t, i);
	for (size_t n = 0; i->failure.kind == FAILURE_NONE && n < all.count; n++)
		add_service(t, i, &all.items[n], i->exchanges[0].started_us + i->elapsed_us);
	services_free(&all);
}

static void keep_samples(struct top *t)
{
	t->samples = memory_resize(t->samples, t->count + 1, sizeof(*t->samples));
	t->sample_count = 0;
	for (size_t n = 0; n < t->count; n++)
		if (t->rows[n].cpu_us.known)
			t->samples[t->sample_count++] = (struct sample){ .id = t->rows[n].id,
				.cpu_us = t->rows[n].cpu_us.value,
				.at_us = t->rows[n].at_us };
	qsort(t->samples, t->sample_count, sizeof(*t->samples), by_id);
}

static int take(struct watch *w, struct inquiry *all, size_t count, const struct page *page)
{
	struct top *t = LOOP_OWNER(w, struct top, watch);
	int status = EXIT_HEALTHY;

	(void)page;
	clear_rows(t);
	for (size_t n = 0; n < count; n++) {
		int one;

		add_guest(t, &all[n]);
		one = (int)failure_exit(all[n].failure.kind);
		status = one > status ? one : status;
		inquiry_free(&all[n]);
	}
	keep_samples(t);
	return status == EXIT_HEALTHY && t->not_well > 0 ? EXIT_UNHEALTHY : status;
}

/* ---- the page -------------------------------------------------------------------------------- */

static void format_permille(struct buf *b, uint64_t n)
{
	buf_printf(b, "%llu.%llu", (unsigned long long)(n / 10), (unsigned long long)(n % 10));
}

static void print_row(struct table *t, const struct row *row, size_t id)
{
	table_printf(t, "%s", row->target->name);
	table_id(t, id);
	table_text(t, text_of(row->name), NAME_COLUMNS);
	table_printf(t, "%s", row->state);
	number_cell(t, &row->state_ms, format_span);
	number_cell(t, &row->permille, format_permille);
	number_cell(t, &row->memory_bytes, format_bytes);
	number_cell(t, &row->tasks, NULL);
	number_cell(t, &row->restarts, NULL);
	table_printf(t, "%s", row->detail);
	if (!row->is_well)
		table_mark(t, TABLE_BAD);
}

/* Find the line of the chosen service, or take the line that the user moved to. At first, line 0.
 */
static void settle_choice(struct top *t, struct table *table)
{
	size_t lines = table_lines(table);

	t->chosen_row = t->count;
	if (lines == 0)
		return;
	t->has_picked = t->has_picked || t->watch.has_moved;
	for (size_t n = 0; n < lines && t->has_picked && !t->watch.has_moved; n++)
		if (t->rows[table_line_id(table, n)].id == t->chosen_id)
			t->watch.chosen = n;
	if (t->watch.chosen >= lines)
		t->watch.chosen = lines - 1;
	t->watch.has_moved = false;
	t->chosen_row = table_line_id(table, t->watch.chosen);
	t->chosen_id = t->rows[t->chosen_row].id;
	table_mark_line(table, t->watch.chosen, TABLE_CHOSEN);
}

static void print(struct watch *w, const struct page *page)
{
	struct top *t = LOOP_OWNER(w, struct top, watch);
	char now[CLOCK_UTC_MAX];
	struct table table;

	clock_utc(time(NULL), now);
	out_printf(page->out, "%zu VMs, %zu silent; %zu services, %zu not well; %s\n", t->vms,
		t->silent, t->count - t->silent, t->not_well, now);
	table_start(&table, heads, sizeof(heads) / sizeof(heads[0]) - 1);
	table.has_marks = page->has_marks;
	for (size_t n = 0; n < t->count; n++)
		print_row(&table, &t->rows[n], n);
	table_sort(&table, page->sort);
	if (page->has_marks)
		settle_choice(t, &table);
	table_end(&table, 0, page->out);
}

/* ---- restart --------------------------------------------------------------------------------- */

static void restart_done(struct inquiry *i)
{
	struct top *t = LOOP_OWNER(i, struct top, restart);
	struct buf b = BUF_OVER(t->watch.message);
	bool success = false;
	struct text detail = { 0 };
	struct shape s;

	if (i->failure.kind == FAILURE_NONE &&
		shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure)) {
		shape_bool(&s, "success", SHAPE_REQUIRED, &success);
		shape_text(&s, "detail", SHAPE_OPTIONAL, &detail);
	}
	buf_clear(&b);
	buf_printf(&b, "%s: ", success ? "restarted" : "not restarted");
	text_put_visible(&b, text_of(t->restart_name), NAME_COLUMNS);
	if (!success) {
		buf_puts(&b, ": ");
		text_put_visible(&b,
			i->failure.kind != FAILURE_NONE ? text_of(i->failure.text) : detail, 120);
	}
	t->is_restarting = false;
	watch_print(&t->watch);
}

static void free_restart(struct top *t)
{
	if (t->restart_text == NULL)
		return;
	inquiry_free(&t->restart);
	target_free(&t->restart_target);
	free((char *)(uintptr_t)t->restart_question.request);
	free(t->restart_name);
	free(t->restart_text);
	t->restart_text = NULL;
}

static void begin_restart(struct top *t)
{
	const struct row *row = &t->rows[t->chosen_row];
	struct problem p = { 0 };

	free_restart(t);
	t->restart_text = memory_copy(row->target->text, strlen(row->target->text));
	t->restart_name = memory_copy(row->name, strlen(row->name));
	target_parse(&t->restart_target, t->restart_text, row->target->port, &p); /* it was one */
	t->restart_question = (struct question){ REQUEST_RESTART,
		output_request(REQUEST_RESTART, &(struct service_request){ t->restart_name }) };
	t->restart = (struct inquiry){ .loop = &t->watch.loop,
		.target = &t->restart_target,
		.questions = &t->restart_question,
		.count = 1,
		.timeout_ms = RESTART_MS,
		.done = restart_done };
	t->is_restarting = true;
	inquiry_start(&t->restart);
}

static bool key(struct watch *w, char key)
{
	struct top *t = LOOP_OWNER(w, struct top, watch);
	struct buf b = BUF_OVER(w->message);

	buf_clear(&b);
	if (t->asks_for_restart) {
		t->asks_for_restart = false;
		if (key != 'y' || t->chosen_row >= t->count)
			return true;
		buf_puts(&b, "restarting ");
		text_put_visible(&b, text_of(t->rows[t->chosen_row].name), NAME_COLUMNS);
		begin_restart(t);
	} else if (key == 'k' && t->is_restarting) {
		buf_puts(&b, "one restart at a time");
	} else if (key == 'k' && t->chosen_row < t->count &&
		   t->rows[t->chosen_row].name[0] != '\0') {
		t->asks_for_restart = true;
		buf_puts(&b, "kill and restart ");
		text_put_visible(&b, text_of(t->rows[t->chosen_row].name), NAME_COLUMNS);
		buf_printf(&b, " of %.100s? y/n", t->rows[t->chosen_row].target->name);
	}
	return true;
}

/* ---- the verb -------------------------------------------------------------------------------- */

int verb_top(const struct options *o)
{
	static const struct question metrics = { .kind = REQUEST_METRICS };
	struct top t = { .watch = { .options = o,
				 .questions = &metrics,
				 .question_count = 1,
				 .columns = heads,
				 .sort = CPU_COLUMN,
				 .keys = "k kill and restart",
				 .take = take,
				 .print = print,
				 .key = key,
				 .sorts_itself = true,
				 .fixed = LINES_ON_TOP } };
	int status = watch_run(&t.watch);

	free_restart(&t);
	clear_rows(&t);
	free(t.samples);
	return status;
}
