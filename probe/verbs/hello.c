/* SPDX-License-Identifier: MIT */
/* ping: does the agent answer? hello: its versions and the requests it knows. */
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUESTS_COLUMNS 400

struct hello {
	uint64_t protocol;
	struct text agent, init;
	const json_t *requests;
};

static int decode(struct inquiry *i, void *decoded)
{
	struct hello *h = decoded;
	struct shape s;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return EXIT_NO_ANSWER;
	shape_number(&s, "protocol", SHAPE_REQUIRED, &h->protocol);
	shape_text(&s, "agent", SHAPE_REQUIRED, &h->agent);
	shape_text(&s, "init", SHAPE_OPTIONAL, &h->init);
	if (!shape_array(&s, "requests", SHAPE_REQUIRED, &count))
		return EXIT_NO_ANSWER;
	h->requests = json_object_get(i->bodies[0], "requests");
	for (size_t n = 0; n < count; n++)
		if (!json_is_string(json_array_get(h->requests, n)))
			failure_set(&i->failure, FAILURE_UNDECODABLE,
				"the answer cannot be understood: requests[%zu]: not a string", n);
	return EXIT_HEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct hello *h = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(
		object, "protocol", answered ? json_integer((json_int_t)h->protocol) : json_null());
	output_set(object, "agent", output_string_or_null(h->agent));
	output_set(object, "init", output_string_or_null(h->init));
	output_set(object, "requests", answered ? json_deep_copy(h->requests) : json_null());
}

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	const struct hello *h = decoded;
	char *storage = memory_must(malloc(16 * REQUESTS_COLUMNS));
	struct buf b;
	struct table t;

	buf_init(&b, storage, 16 * REQUESTS_COLUMNS);
	for (size_t n = 0; n < json_array_size(h->requests) && b.len < REQUESTS_COLUMNS; n++) {
		buf_puts(&b, n > 0 ? " " : "");
		text_put_visible(&b, answer_text(json_array_get(h->requests, n)), 40);
	}
	table_start(&t, NULL, 2);
	table_printf(&t, "VM");
	table_printf(&t, "%s", i->target->name);
	table_printf(&t, "AGENT");
	table_text(&t, h->agent, 40);
	table_printf(&t, "INIT");
	table_text(&t, h->init.len > 0 ? h->init : text_of("-"), 40);
	table_printf(&t, "PROTOCOL");
	table_printf(&t, "%llu", (unsigned long long)h->protocol);
	table_printf(&t, "REQUESTS");
	table_text(&t, (struct text){ b.data, b.len }, REQUESTS_COLUMNS);
	table_end(&t, 0, page->out);
	free(storage);
}

int verb_hello(const struct options *o)
{
	static const struct view view = {
		.size = sizeof(struct hello), .decode = decode, .members = members, .print = print
	};

	return view_run(o, &(struct question){ .kind = REQUEST_HELLO }, o->timeout_ms, &view);
}

/* ---- ping ------------------------------------------------------------------------------------ */

static int decode_pong(struct inquiry *i, void *decoded)
{
	(void)i;
	(void)decoded;
	return EXIT_HEALTHY; /* a Pong has no content */
}

static void pong_members(json_t *object, const struct inquiry *i, const void *decoded)
{
	bool alive = i->failure.kind == FAILURE_NONE;

	(void)decoded;
	output_set(object, "alive", json_boolean(alive));
	output_set(object, "elapsed_us",
		alive ? json_integer((json_int_t)i->elapsed_us) : json_null());
}

static void print_pong(const struct inquiry *i, const void *decoded, const struct page *page)
{
	(void)decoded;
	out_printf(page->out, "%s: alive, answered in %llu.%03llu ms\n", i->target->shown,
		(unsigned long long)(i->elapsed_us / 1000),
		(unsigned long long)(i->elapsed_us % 1000));
}

int verb_ping(const struct options *o)
{
	static const struct view view = {
		.decode = decode_pong, .members = pong_members, .print = print_pong
	};

	return view_run(o, &(struct question){ .kind = REQUEST_PING }, o->timeout_ms, &view);
}
