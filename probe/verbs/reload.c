/* SPDX-License-Identifier: MIT */
/* reload: make the guest read its service files again, or a service its configuration. */
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <inttypes.h>
#include <stdio.h>

#define DETAIL_COLUMNS 200

static const char *const counts[] = { "started", "stopped", "restarted", "unchanged" };

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

struct reload {
	bool success, counted;
	struct text detail;
	uint64_t count[COUNTS];
	const json_t *bad; /* array of texts, or NULL */
};

static int decode(struct inquiry *i, void *decoded)
{
	struct reload *r = decoded;
	struct shape s;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return EXIT_NO_ANSWER;
	shape_bool(&s, "success", SHAPE_REQUIRED, &r->success);
	shape_text(&s, "detail", SHAPE_OPTIONAL, &r->detail);
	r->counted = true;
	for (size_t n = 0; n < COUNTS; n++)
		r->counted &= shape_number(&s, counts[n], SHAPE_OPTIONAL, &r->count[n]);
	if (shape_array(&s, "bad", SHAPE_OPTIONAL, &count))
		r->bad = json_object_get(i->bodies[0], "bad");
	for (size_t n = 0; r->bad != NULL && n < count; n++)
		if (!json_is_string(json_array_get(r->bad, n)))
			failure_set(&i->failure, FAILURE_UNDECODABLE,
				"the answer cannot be understood: bad[%zu]: not a string", n);
	if (shape_failed(&s))
		return EXIT_NO_ANSWER;
	return r->success ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct reload *r = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "success", answered ? json_boolean(r->success) : json_null());
	output_set(object, "detail", output_string_or_null(r->detail));
	for (size_t n = 0; n < COUNTS; n++)
		output_set(object, counts[n],
			answered && r->counted ? json_integer((json_int_t)r->count[n])
					       : json_null());
	output_set(object, "bad", r->bad != NULL ? json_deep_copy(r->bad) : json_array());
}

static void print_visible(FILE *out, const char *before, struct text text)
{
	char storage[8 * DETAIL_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, DETAIL_COLUMNS);
	out_printf(out, "%s%s", before, b.data);
}

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	const struct reload *r = decoded;

	out_printf(page->out, "%s: %s", i->target->shown, r->success ? "done" : "failed");
	if (r->detail.len > 0)
		print_visible(page->out, ": ", r->detail);
	for (size_t n = 0; r->counted && n < COUNTS; n++)
		out_printf(page->out, "%s%" PRIu64 " %s", n == 0 ? ": " : ", ", r->count[n],
			counts[n]);
	for (size_t n = 0; n < json_array_size(r->bad); n++)
		print_visible(page->out, "\n  ", answer_text(json_array_get(r->bad, n)));
	fputc('\n', page->out);
}

int verb_reload(const struct options *o)
{
	static const struct view view = {
		.size = sizeof(struct reload), .decode = decode, .members = members, .print = print
	};

	if (o->name_count > 0)
		return verb_reload_service(o);
	return view_run(o, &(struct question){ .kind = REQUEST_RELOAD }, o->timeout_ms, &view);
}
