/* SPDX-License-Identifier: MIT */
/* Verbs that make the guest do something and report the outcome. */
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/verbs/ending.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_DEFAULT_SECS 30
#define DRAIN_MARGIN_MS    5000 /* time for the answer to come back */
#define FAILED_COLUMNS     200

struct ack {
	bool success;
	struct text detail;
	const json_t *failed; /* array of names, or NULL */
};

/* Every acknowledgement has `success`. The other fields depend on the request. */
static int decode(struct inquiry *i, void *decoded)
{
	struct ack *ack = decoded;
	struct shape s;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return EXIT_NO_ANSWER;
	shape_bool(&s, "success", SHAPE_REQUIRED, &ack->success);
	shape_text(&s, "detail", SHAPE_OPTIONAL, &ack->detail);
	if (shape_array(&s, "failed", SHAPE_OPTIONAL, &count))
		ack->failed = json_object_get(i->bodies[0], "failed");
	for (size_t n = 0; ack->failed != NULL && n < count; n++)
		if (!json_is_string(json_array_get(ack->failed, n)))
			failure_set(&i->failure, FAILURE_UNDECODABLE,
				"the answer cannot be understood: failed[%zu]: not a string", n);
	return ack->success ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct ack *ack = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "success", answered ? json_boolean(ack->success) : json_null());
	output_set(object, "detail", output_string_or_null(ack->detail));
	output_set(
		object, "failed", ack->failed != NULL ? json_deep_copy(ack->failed) : json_array());
}

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	const struct ack *ack = decoded;
	char storage[8 * FAILED_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	for (size_t n = 0; n < json_array_size(ack->failed) && b.len < FAILED_COLUMNS; n++) {
		buf_puts(&b, n == 0 ? ": " : ", ");
		text_put_visible(&b, answer_text(json_array_get(ack->failed, n)), 64);
	}
	if (ack->detail.len > 0) {
		buf_puts(&b, ": ");
		text_put_visible(&b, ack->detail, FAILED_COLUMNS);
	}
	out_printf(page->out, "%s: %s%s\n", i->target->shown, ack->success ? "done" : "failed",
		b.data);
}

static int ask(
	const struct options *o, enum message_kind kind, const void *body, uint64_t timeout_ms)
{
	static const struct view view = {
		.size = sizeof(struct ack), .decode = decode, .members = members, .print = print
	};

	char *request = body != NULL ? output_request(kind, body) : NULL;
	int status = view_run(o, &(struct question){ kind, request }, timeout_ms, &view);

	free(request);
	return status;
}

int verb_sleep_prep(const struct options *o)
{
	uint64_t drain_secs = o->drain_given ? o->drain_secs : DRAIN_DEFAULT_SECS;
	uint64_t timeout_ms =
		o->timeout_given ? o->timeout_ms : drain_secs * 1000 + DRAIN_MARGIN_MS;

	return ask(o, REQUEST_SLEEP_PREP, &(struct sleep_prep){ drain_secs }, timeout_ms);
}

int verb_wake(const struct options *o)
{
	return ask(o, REQUEST_WAKE, NULL, o->timeout_ms);
}

int verb_post_restore(const struct options *o)
{
	return ask(o, REQUEST_POST_RESTORE, NULL, o->timeout_ms);
}

int verb_checkpoint(const struct options *o)
{
	const struct checkpoint_integrations body = { .integrations = { .items = (void *)o->names,
							      .count = o->name_count } };

	return ask(o, REQUEST_CHECKPOINT_INTEGRATIONS, &body, o->timeout_ms);
}

int verb_restart(const struct options *o)
{
	const struct service_request body = { .service = (char *)o->names[0] };

	return ask(o, REQUEST_RESTART, &body, o->timeout_ms);
}

int verb_reload_service(const struct options *o)
{
	const struct service_request body = { .service = o->names[0] };

	return ask(o, REQUEST_RELOAD_SERVICE, &body, o->timeout_ms);
}

int verb_shutdown(const struct options *o)
{
	const struct shutdown_request body = { .power_off = o->power_off };
	int status = ask(o, REQUEST_SHUTDOWN, &body, o->timeout_ms);

	return o->wait && status == EXIT_HEALTHY ? ending_wait(o) : status;
}
