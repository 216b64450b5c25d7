/* SPDX-License-Identifier: MIT */
/* The verbs that have the guest do something and hear whether it was done: around snapshots. */
#include "base/protocol.h"
#include "probe/inquiry.h"
#include "probe/memory.h"
#include "probe/output.h"
#include "probe/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_DEFAULT_SECS 30
#define DRAIN_MARGIN_MS    5000 /* for the answer to come back */
#define FAILED_COLUMNS     200

struct ack {
	bool success;
	struct text detail;
	const json_t *failed; /* array of names, or NULL */
};

/* All acknowledgements have `success`; the others have what their kind of work has. */
static bool read_ack(struct inquiry *i, struct ack *ack)
{
	struct shape s;
	size_t count;

	*ack = (struct ack){ .detail = text_of("") };
	if (i->failure.kind != FAILURE_NONE ||
		!shape_open(&s, i->bodies[0], i->questions[0].answer, &i->failure))
		return false;
	shape_bool(&s, "success", SHAPE_REQUIRED, &ack->success);
	shape_text(&s, "detail", SHAPE_OPTIONAL, &ack->detail);
	if (shape_array(&s, "failed", SHAPE_OPTIONAL, &count))
		ack->failed = json_object_get(i->bodies[0], "failed");
	for (size_t n = 0; ack->failed != NULL && n < count; n++)
		if (!json_is_string(json_array_get(ack->failed, n)))
			failure_set(&i->failure, FAILURE_UNDECODABLE,
				"the answer cannot be understood: failed[%zu]: not a string", n);
	return i->failure.kind == FAILURE_NONE;
}

static json_t *as_json(const struct inquiry *i, const struct ack *ack)
{
	json_t *object = output_target(i->target);
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "success", answered ? json_boolean(ack->success) : json_null());
	output_set(object, "detail", output_string_or_null(ack->detail));
	output_set(
		object, "failed", ack->failed != NULL ? json_deep_copy(ack->failed) : json_array());
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

static void print(const struct inquiry *i, const struct ack *ack)
{
	char storage[8 * FAILED_COLUMNS];
	struct buf b = BUF_OVER(storage);

	if (i->failure.kind != FAILURE_NONE) {
		output_error(i->target, &i->failure);
		return;
	}
	buf_clear(&b);
	for (size_t n = 0; n < json_array_size(ack->failed) && b.len < FAILED_COLUMNS; n++) {
		buf_puts(&b, n == 0 ? ": " : ", ");
		text_put_visible(&b, answer_text(json_array_get(ack->failed, n)), 64);
	}
	if (ack->detail.len > 0) {
		buf_puts(&b, ": ");
		text_put_visible(&b, ack->detail, FAILED_COLUMNS);
	}
	printf("%s: %s%s\n", i->target->shown, ack->success ? "done" : "failed", b.data);
}

/* Ask all targets for the same work, and print what each says. */
static int ask_all(const struct options *o, const struct question *question, uint64_t timeout_ms)
{
	struct inquiry *all = inquiry_all(o->targets, o->target_count, question, 1, timeout_ms);
	json_t *array = memory_must(json_array());
	int status = EXIT_HEALTHY;

	for (size_t n = 0; n < o->target_count; n++) {
		struct ack ack;
		int one = read_ack(&all[n], &ack) ? !ack.success
						  : (int)failure_exit(all[n].failure.kind);

		status = one > status ? one : status;
		if (o->json)
			json_array_append_new(array, as_json(&all[n], &ack));
		else
			print(&all[n], &ack);
	}
	if (o->json)
		output_json(output_one_or_all(array));
	else
		json_decref(array);
	inquiry_free_all(all, o->target_count);
	return status;
}

int verb_sleep_prep(const struct options *o)
{
	uint64_t drain_secs = o->drain_given ? o->drain_secs : DRAIN_DEFAULT_SECS;
	uint64_t timeout_ms =
		o->timeout_given ? o->timeout_ms : drain_secs * 1000 + DRAIN_MARGIN_MS;
	char request[80];

	snprintf(request, sizeof(request), "{\"SleepPrep\":{\"drain_timeout_secs\":%llu}}",
		(unsigned long long)drain_secs);
	return ask_all(o, &(struct question){ request, "SleepPrepAck" }, timeout_ms);
}

int verb_wake(const struct options *o)
{
	return ask_all(o, &(struct question){ "\"Wake\"", "WakeAck" }, o->timeout_ms);
}

int verb_post_restore(const struct options *o)
{
	return ask_all(o, &(struct question){ "\"PostRestore\"", "PostRestoreAck" }, o->timeout_ms);
}

int verb_checkpoint(const struct options *o)
{
	json_t *names = memory_must(json_array()), *request;
	char *text;
	int status;

	for (size_t i = 0; i < o->name_count; i++)
		json_array_append_new(names, output_string(text_of(o->names[i])));
	request = memory_must(
		json_pack("{s:{s:o}}", "CheckpointIntegrations", "integrations", names));
	text = memory_must(json_dumps(request, JSON_COMPACT));
	json_decref(request);
	status = ask_all(o, &(struct question){ text, "CheckpointResult" }, o->timeout_ms);
	free(text);
	return status;
}
