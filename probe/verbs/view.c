/* SPDX-License-Identifier: MIT */
#include "probe/verbs/view.h"

#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/watch.h"

#include <stddef.h>
#include <stdlib.h>

static json_t *as_json(const struct inquiry *i, const void *decoded, const struct view *v)
{
	json_t *object = output_target(i->target);

	v->members(object, i, decoded);
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

/* The output of the answers of all targets. */
struct sink {
	const struct options *options;
	const struct view *view;
	struct page page;
	struct output_list list; /* for --json */
};

static void print_failure(const struct inquiry *i, const struct page *page)
{
	if (page->has_marks)
		fputc(TABLE_BAD, page->out);
	out_printf(page->out, "%s: %s\n", i->target->shown, i->failure.text);
}

/* Decode an answer and print it, or add it to the list of JSON. Returns its exit status. */
static int show(struct inquiry *i, struct sink *sink)
{
	const struct view *v = sink->view;
	void *decoded = memory_must(calloc(1, v->size > 0 ? v->size : 1));
	int status;

	inquiry_decode(i);
	status = i->failure.kind == FAILURE_NONE ? v->decode(i, decoded) : 0;

	if (i->failure.kind != FAILURE_NONE)
		status = v->status_without != 0 ? v->status_without
						: (int)failure_exit(i->failure.kind);
	if (sink->options->json)
		output_list_add(&sink->list, as_json(i, decoded, v));
	else if (i->failure.kind == FAILURE_NONE)
		v->print(i, decoded, &sink->page);
	else if (sink->options->watch)
		print_failure(i, &sink->page);
	else
		output_error(i->target, &i->failure);
	if (v->release != NULL)
		v->release(decoded);
	free(decoded);
	return status;
}

static int show_all(struct inquiry *all, size_t count, struct sink *sink)
{
	int status = EXIT_HEALTHY;

	for (size_t n = 0; n < count; n++) {
		int one = show(&all[n], sink);

		status = one > status ? one : status;
		inquiry_free(&all[n]);
	}
	return status;
}

/* ---- again and again ------------------------------------------------------------------------- */

struct watched_view {
	struct watch watch;
	const struct view *view;
	char *text; /* the page */
};

static int take(struct watch *w, struct inquiry *all, size_t count, const struct page *page)
{
	struct watched_view *v = LOOP_OWNER(w, struct watched_view, watch);
	struct sink sink = { .options = w->options, .view = v->view, .page = *page };
	size_t len;
	int status;

	free(v->text);
	v->text = NULL;
	sink.page.out = memory_must(open_memstream(&v->text, &len));
	status = show_all(all, count, &sink);
	fclose(sink.page.out);
	return status;
}

static void print_text(struct watch *w, const struct page *page)
{
	fputs(LOOP_OWNER(w, struct watched_view, watch)->text, page->out);
}

static int watch_view(
	const struct options *o, const struct question *question, const struct view *v)
{
	struct watched_view watched = { .view = v,
		.watch = { .options = o,
			.questions = question,
			.question_count = 1,
			.columns = v->columns,
			.sort = TABLE_AS_IT_IS,
			.take = take,
			.print = print_text,
			.fixed = !o->is_many,
			.chosen = WATCH_NOTHING_CHOSEN } };
	int status = watch_run(&watched.watch);

	free(watched.text);
	return status;
}

/* ---- once ------------------------------------------------------------------------------------ */

int view_run(const struct options *o, const struct question *question, uint64_t timeout_ms,
	const struct view *v)
{
	struct sink sink = { .options = o,
		.view = v,
		.page = { .out = stdout, .many = o->is_many, .sort = TABLE_AS_IT_IS },
		.list = { .is_array = o->is_many } };
	struct inquiry *all;
	int status;

	if (o->watch)
		return watch_view(o, question, v);
	all = inquiry_all(o->targets, o->target_count, question, 1, timeout_ms, o->parallel);
	status = show_all(all, o->target_count, &sink);
	if (o->json)
		output_list_end(&sink.list);
	inquiry_free_all(all, o->target_count);
	return status;
}
