/* SPDX-License-Identifier: MIT */
#include "probe/memory.h"
#include "probe/report/health.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_COLUMNS   40
#define DETAIL_COLUMNS 100

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

static void print_checks(const struct report *r)
{
	static const char *const heads[] = { "CHECK", "KIND", "HEALTH", "STATUS", "CHECKED AT",
		"DETAIL" };
	struct table t;

	table_start(&t, heads, 6);
	for (size_t i = 0; i < r->count; i++) {
		const struct check *c = &r->checks[i];

		table_text(&t, c->name, NAME_COLUMNS);
		table_printf(&t, "%s", c->is_probe ? "probe" : "integration");
		table_printf(&t, "%s", health_word(c->verdict));
		status_cell(&t, c);
		table_text(&t, c->checked_at, 24);
		detail_cell(&t, c);
	}
	table_end(&t, 0, stdout);
}

static void print_one(const struct inquiry *i, const struct report *r)
{
	struct table t;

	if (i->failure.kind != FAILURE_NONE) {
		output_error(i->target, &i->failure);
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
	table_end(&t, 0, stdout);
	if (r->count > 0) {
		putchar('\n');
		print_checks(r);
	}
}

static void add_row(struct table *t, const struct inquiry *i, const struct report *r)
{
	table_printf(t, "%s", i->target->name);
	if (i->failure.kind != FAILURE_NONE) {
		table_printf(t, "unreachable");
		table_printf(t, "-");
		table_printf(t, "%s", failure_name(i->failure.kind));
		return;
	}
	table_text(t, r->worker_status, 20);
	table_text(t, r->last_busy_at.len > 0 ? r->last_busy_at : text_of("never"), 24);
	health_cell(t, r);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int judge(const struct inquiry *i, const struct report *r)
{
	if (i->failure.kind != FAILURE_NONE)
		return (int)failure_exit(i->failure.kind);
	return health_is_good(r) ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

/* The output that the reports of all guests go to. */
struct page {
	const struct options *o;
	struct table table;
	struct output_list list;
};

static void show(struct page *page, const struct inquiry *i, const struct report *r)
{
	if (page->o->json)
		output_list_add(&page->list, as_json(i, r));
	else if (page->o->is_many)
		add_row(&page->table, i, r);
	else
		print_one(i, r);
}

static void end_page(struct page *page, const struct inquiry *all)
{
	const struct options *o = page->o;

	if (o->json)
		output_list_end(&page->list);
	if (o->json || !o->is_many)
		return;
	table_end(&page->table, 0, stdout);
	for (size_t n = 0; n < o->target_count; n++)
		if (all[n].failure.kind != FAILURE_NONE)
			output_error(all[n].target, &all[n].failure);
}

int verb_status(const struct options *o)
{
	static const char *const heads[] = { "VM", "WORKER", "LAST BUSY", "HEALTH" };
	struct inquiry *all = inquiry_all(o->targets, o->target_count, health_questions,
		HEALTH_DETAILS, o->timeout_ms, o->parallel);
	struct page page = { .o = o, .list = { .is_array = o->is_many } };
	int status = EXIT_HEALTHY;

	if (!o->json && o->is_many)
		table_start(&page.table, heads, 4);
	for (size_t n = 0; n < o->target_count; n++) {
		struct report r;
		int one;

		inquiry_decode(&all[n]);
		health_report(&all[n], &r);
		one = judge(&all[n], &r);
		status = one > status ? one : status;
		show(&page, &all[n], &r);
		health_free(&r);
		inquiry_free(&all[n]);
	}
	end_page(&page, all);
	inquiry_free_all(all, o->target_count);
	return status;
}
