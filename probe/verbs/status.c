/* SPDX-License-Identifier: MIT */
#include "probe/memory.h"
#include "probe/report/health.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/watch.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_COLUMNS   40
#define DETAIL_COLUMNS 100

static const char *const vm_heads[] = { "VM", "WORKER", "LAST BUSY", "HEALTH", NULL };
static const char *const check_heads[] = { "CHECK", "KIND", "HEALTH", "STATUS", "CHECKED AT",
	"DETAIL", NULL };

#define LINES_ABOVE_CHECKS 6 /* four about the guest, an empty one, the heading */

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *copy_or_null(const json_t *value)
{
	return value == NULL ? json_null() : json_deep_copy(value);
}

static json_t *check_as_json(const struct check *c)
{
	json_t *object = memory_must(json_object());

	output_set(object, "name", output_string(c->name));
	if (!c->is_probe)
		output_set(object, "status", copy_or_null(c->status));
	output_set(object, "healthy",
		c->has_health ? json_boolean(c->verdict == VERDICT_HEALTHY) : json_null());
	output_set(object, "detail", c->has_health ? output_string(c->detail) : json_null());
	if (c->is_probe)
		output_set(object, "output", copy_or_null(c->output));
	output_set(
		object, "checked_at", c->has_health ? output_string(c->checked_at) : json_null());
	if (!c->is_probe) {
		output_set(object, "last_checkpoint_at", copy_or_null(c->last_checkpoint_at));
		output_set(
			object, "state_size_bytes", json_integer((json_int_t)c->state_size_bytes));
	}
	return object;
}

static json_t *checks_as_json(const struct report *r, bool probes)
{
	json_t *array = memory_must(json_array());

	for (size_t i = 0; i < r->count; i++)
		if (r->checks[i].is_probe == probes)
			json_array_append_new(array, check_as_json(&r->checks[i]));
	return array;
}

static json_t *as_json(const struct inquiry *i, const struct report *r)
{
	bool answered = i->failure.kind == FAILURE_NONE;
	json_t *object = output_target(i->target);

	output_set(object, "reachable", json_boolean(answered));
	output_set(object, "healthy", answered ? json_boolean(health_is_good(r)) : json_null());
	output_set(object, "worker_status",
		answered ? output_string(r->worker_status) : json_string("unreachable"));
	output_set(object, "last_busy_at", output_string_or_null(r->last_busy_at));
	output_set(object, "integrations", checks_as_json(r, false));
	output_set(object, "probes", checks_as_json(r, true));
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* An integration's status: a word of the protocol, {"error": ...}, or a newer form. */
static void status_cell(struct table *t, const struct check *c)
{
	const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)c->status));

	if (c->status == NULL)
		table_text(t, text_of(""), 1);
	else if (json_is_string(c->status))
		table_text(t, answer_text(c->status), 20);
	else if (json_object_size(c->status) == 1)
		table_text(t, text_of(key), 20);
	else
		table_text(t, text_of("?"), 1);
}

static void detail_cell(struct table *t, const struct check *c)
{
	char storage[8 * DETAIL_COLUMNS];
	struct buf b = BUF_OVER(storage);
	char *output = NULL;

	buf_clear(&b);
	text_put_visible(&b, c->detail, DETAIL_COLUMNS);
	if (c->output != NULL && !json_is_null(c->output))
		output = json_dumps(c->output, JSON_COMPACT | JSON_ENCODE_ANY);
	if (output != NULL) {
		buf_puts(&b, " ");
		text_put_visible(&b, text_of(output), DETAIL_COLUMNS);
	}
	free(output);
	table_text(t, (struct text){ b.data, b.len }, DETAIL_COLUMNS);
}

static void health_cell(struct table *t, const struct report *r)
{
	char storage[8 * DETAIL_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	health_summary(r, &b, DETAIL_COLUMNS);
	table_text(t, (struct text){ b.data, b.len }, DETAIL_COLUMNS);
}

/* Print on standard error, or on the page if that fills the screen. */
static void print_failure(const struct inquiry *i, const struct page *page)
{
	if (page->out == stdout)
		output_error(i->target, &i->failure);
	else
		out_printf(page->out, "%s: %s\n", i->target->shown, i->failure.text);
}

static void print_checks(const struct report *r, const struct page *page)
{
	struct table t;

	table_start(&t, check_heads, 6);
	t.has_marks = page->has_marks;
	for (size_t i = 0; i < r->count; i++) {
		const struct check *c = &r->checks[i];

		table_text(&t, c->name, NAME_COLUMNS);
		table_printf(&t, "%s", c->is_probe ? "probe" : "integration");
		table_printf(&t, "%s", health_word(c->verdict));
		status_cell(&t, c);
		table_text(&t, c->checked_at, 24);
		detail_cell(&t, c);
		if (c->verdict == VERDICT_UNHEALTHY)
			table_mark(&t, TABLE_BAD);
	}
	table_sort(&t, page->sort);
	table_end(&t, 0, page->out);
}

static void print_one(const struct inquiry *i, const struct report *r, const struct page *page)
{
	struct table t;

	if (i->failure.kind != FAILURE_NONE) {
		print_failure(i, page);
		return;
	}
	table_start(&t, NULL, 2);
	table_printf(&t, "VM");
	table_printf(&t, "%s", i->target->name);
	table_printf(&t, "WORKER");
	table_text(&t, r->worker_status, NAME_COLUMNS);
	table_printf(&t, "LAST BUSY");
	table_text(&t, r->last_busy_at.len > 0 ? r->last_busy_at : text_of("never"), 24);
	table_printf(&t, "HEALTH");
	health_cell(&t, r);
	table_end(&t, 0, page->out);
	if (r->count > 0) {
		fputc('\n', page->out);
		print_checks(r, page);
	}
}

static void add_row(struct table *t, const struct inquiry *i, const struct report *r)
{
	table_printf(t, "%s", i->target->name);
	if (i->failure.kind != FAILURE_NONE) {
		table_printf(t, "unreachable");
		table_printf(t, "-");
		table_printf(t, "%s", failure_name(i->failure.kind));
		table_mark(t, TABLE_BAD);
		return;
	}
	table_text(t, r->worker_status, 20);
	table_text(t, r->last_busy_at.len > 0 ? r->last_busy_at : text_of("never"), 24);
	health_cell(t, r);
	if (!health_is_good(r))
		table_mark(t, TABLE_BAD);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int judge(const struct inquiry *i, const struct report *r)
{
	if (i->failure.kind != FAILURE_NONE)
		return (int)failure_exit(i->failure.kind);
	return health_is_good(r) ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

/* The output that the reports of all guests go to. */
struct listing {
	const struct options *o;
	struct page page;
	struct table table;
	struct output_list list;
};

static void show(struct listing *l, const struct inquiry *i, const struct report *r)
{
	if (l->o->json)
		output_list_add(&l->list, as_json(i, r));
	else if (l->page.many)
		add_row(&l->table, i, r);
	else
		print_one(i, r, &l->page);
}

static void end_listing(struct listing *l, const struct inquiry *all, size_t count)
{
	if (l->o->json)
		output_list_end(&l->list);
	if (l->o->json || !l->page.many)
		return;
	table_sort(&l->table, l->page.sort);
	table_end(&l->table, 0, l->page.out);
	for (size_t n = 0; n < count; n++)
		if (all[n].failure.kind != FAILURE_NONE)
			print_failure(&all[n], &l->page);
}

static int list_all(struct listing *l, struct inquiry *all, size_t count)
{
	int status = EXIT_HEALTHY;

	l->list.is_array = l->page.many;
	if (!l->o->json && l->page.many)
		table_start(&l->table, vm_heads, 4);
	l->table.has_marks = l->page.has_marks;
	for (size_t n = 0; n < count; n++) {
		struct report r;
		int one;

		inquiry_decode(&all[n]);
		health_report(&all[n], &r);
		one = judge(&all[n], &r);
		status = one > status ? one : status;
		show(l, &all[n], &r);
		health_free(&r);
		inquiry_free(&all[n]);
	}
	end_listing(l, all, count);
	return status;
}

/* ---- again and again ------------------------------------------------------------------------- */

struct watched_status {
	struct watch watch;
	char *text;
};

static int take(struct watch *w, struct inquiry *all, size_t count, const struct page *page)
{
	struct watched_status *s = LOOP_OWNER(w, struct watched_status, watch);
	struct listing l = { .o = w->options, .page = *page };
	size_t len;
	int status;

	free(s->text);
	s->text = NULL;
	l.page.out = memory_must(open_memstream(&s->text, &len));
	status = list_all(&l, all, count);
	fclose(l.page.out);
	return status;
}

static void print_text(struct watch *w, const struct page *page)
{
	fputs(LOOP_OWNER(w, struct watched_status, watch)->text, page->out);
}

static int watch_status(const struct options *o)
{
	struct watched_status s = { .watch = { .options = o,
					    .questions = health_questions,
					    .question_count = HEALTH_DETAILS,
					    .columns = o->is_many ? vm_heads : check_heads,
					    .sort = TABLE_AS_IT_IS,
					    .take = take,
					    .print = print_text,
					    .fixed = o->is_many ? 1 : LINES_ABOVE_CHECKS,
					    .chosen = WATCH_NOTHING_CHOSEN } };
	int status = watch_run(&s.watch);

	free(s.text);
	return status;
}

int verb_status(const struct options *o)
{
	struct listing l = { .o = o,
		.page = { .out = stdout, .many = o->is_many, .sort = TABLE_AS_IT_IS } };
	struct inquiry *all;
	int status;

	if (o->watch)
		return watch_status(o);
	all = inquiry_all(o->targets, o->target_count, health_questions, HEALTH_DETAILS,
		o->timeout_ms, o->parallel);
	status = list_all(&l, all, o->target_count);
	inquiry_free_all(all, o->target_count);
	return status;
}
