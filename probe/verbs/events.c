/* SPDX-License-Identifier: MIT */
/* events: the recorded state changes of a guest's services, and with --follow new ones. */
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/report/service.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/follow.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define NAME_COLUMNS   64
#define WORD_COLUMNS   20
#define REASON_COLUMNS 100
/* Most questions for the recorded events, even if the guest always has more. */
#define ROUNDS_MAX 64

#define EVENTS_MAX 4096 /* a guest keeps 512; more would only fill this program's memory */

struct event {
	uint64_t number, at_ms;
	struct text service, before, after, cause, reason;
	struct maybe pid;
};

struct events {
	struct follow follow;
	uint64_t position; /* number of the next event; 0: the oldest kept */
	uint64_t lost;     /* events that the guest dropped before they were read */
	bool following;
	json_t *all; /* without --follow: the events as the agent sent them */
};

static bool read_event(struct shape *s, struct event *e)
{
	shape_number(s, "number", SHAPE_REQUIRED, &e->number);
	shape_number(s, "at_ms", SHAPE_REQUIRED, &e->at_ms);
	shape_text(s, "service", SHAPE_REQUIRED, &e->service);
	shape_text(s, "before", SHAPE_REQUIRED, &e->before);
	shape_text(s, "after", SHAPE_REQUIRED, &e->after);
	shape_text(s, "cause", SHAPE_OPTIONAL, &e->cause);
	shape_text(s, "reason", SHAPE_OPTIONAL, &e->reason);
	e->pid.known = shape_number(s, "pid", SHAPE_OPTIONAL, &e->pid.value);
	return !shape_failed(s);
}

static void put_time(struct buf *b, uint64_t ms)
{
	buf_printf(b, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

static void add_row(struct table *t, const struct event *e)
{
	char at[32];
	struct buf b = BUF_OVER(at);

	buf_clear(&b);
	put_time(&b, e->at_ms);
	table_printf(t, "%" PRIu64, e->number);
	table_printf(t, "%s", at);
	table_text(t, e->service, NAME_COLUMNS);
	table_text(t, e->before, WORD_COLUMNS);
	table_text(t, e->after, WORD_COLUMNS);
	table_text(t, e->cause, WORD_COLUMNS);
	if (e->pid.known)
		table_printf(t, "%" PRIu64, e->pid.value);
	else
		table_printf(t, "-");
	table_text(t, e->reason, REASON_COLUMNS);
}

/* "12.345 web: running -> stop-sigkill (exited: exit code 1)" */
static void print_line(const struct event *e)
{
	char storage[8 * (NAME_COLUMNS + 3 * WORD_COLUMNS + REASON_COLUMNS) + 64];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	put_time(&b, e->at_ms);
	buf_puts(&b, " ");
	text_put_visible(&b, e->service, NAME_COLUMNS);
	buf_puts(&b, ": ");
	text_put_visible(&b, e->before, WORD_COLUMNS);
	buf_puts(&b, " -> ");
	text_put_visible(&b, e->after, WORD_COLUMNS);
	buf_puts(&b, " (");
	text_put_visible(&b, e->cause, WORD_COLUMNS);
	if (e->reason.len > 0) {
		buf_puts(&b, ": ");
		text_put_visible(&b, e->reason, REASON_COLUMNS);
	}
	out_printf(stdout, "%s)\n", b.data);
}

/* Print a line of JSON with the members of `object`. They cannot replace this program's own. */
static void print_json_line(const struct options *o, const json_t *object)
{
	json_t *line = output_target(&o->targets[0]);

	if (json_object_update_missing(line, (json_t *)object) != 0)
		memory_must(NULL);
	output_json_line(line);
}

static void say_lost(const struct events *v, uint64_t lost)
{
	if (v->follow.options->json) {
		json_t *object = memory_must(json_object());

		output_set(object, "lost", json_integer((json_int_t)lost));
		print_json_line(v->follow.options, object);
		json_decref(object);
	} else {
		fflush(stdout);
		out_printf(stderr,
			"mvm-probe: the guest no longer keeps %" PRIu64 " events before these\n",
			lost);
	}
}

static void show(struct events *v, const struct event *e, json_t *sent)
{
	if (!v->following) {
		if (json_array_append(v->all, sent) != 0)
			memory_must(NULL);
	} else if (v->follow.options->json) {
		print_json_line(v->follow.options, sent);
	} else {
		print_line(e);
	}
}

static bool take(struct follow *f, struct inquiry *i)
{
	struct events *v = LOOP_OWNER(f, struct events, follow);
	json_t *sent = json_object_get(i->bodies[0], "events");
	uint64_t position, lost;
	struct shape s, element = { 0 };
	struct event e;
	size_t count;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure) ||
		!shape_array(&s, "events", SHAPE_REQUIRED, &count) ||
		!shape_number(&s, "position", SHAPE_REQUIRED, &position))
		return false;
	shape_number(&s, "lost", SHAPE_OPTIONAL, &lost);
	for (size_t n = 0; n < count; n++)
		if (!shape_element(&element, &s, "events", n) || !read_event(&element, &e))
			return false;
	v->lost += lost;
	if (v->following && lost > 0)
		say_lost(v, lost);
	for (size_t n = 0; n < count; n++) {
		shape_element(&element, &s, "events", n);
		read_event(&element, &e);
		show(v, &e, json_array_get(sent, n));
	}
	v->position = position;
	return count > 0;
}

static char *make_request(struct follow *f)
{
	const struct events *v = LOOP_OWNER(f, struct events, follow);
	const struct options *o = f->options;
	uint64_t wait_secs = o->timeout_ms / 2000;
	struct events_request body = { .service = o->name_count > 0 ? (char *)o->names[0] : NULL,
		.position = v->position,
		.has_position = v->position > 0 };

	if (wait_secs > FOLLOW_WAIT_MAX_SECS)
		wait_secs = FOLLOW_WAIT_MAX_SECS;
	body.wait_secs = wait_secs;
	body.has_wait = v->following && wait_secs > 0;
	return output_request(REQUEST_EVENTS, &body);
}

static void print_json(const struct events *v, const struct inquiry *i)
{
	bool answered = i->failure.kind == FAILURE_NONE;
	json_t *object = output_target(i->target);

	output_set(object, "events", answered ? json_incref(v->all) : json_null());
	output_set(
		object, "position", answered ? json_integer((json_int_t)v->position) : json_null());
	output_set(object, "lost", answered ? json_integer((json_int_t)v->lost) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	output_json(object);
}

static void print_table(struct events *v)
{
	static const char *const heads[] = { "NUMBER", "AT", "SERVICE", "BEFORE", "AFTER", "CAUSE",
		"PID", "DETAIL" };
	json_t *object = memory_must(json_object());
	struct failure none = { .kind = FAILURE_NONE };
	struct shape s, element = { 0 };
	struct table t;
	struct event e;

	output_set(object, "events", json_incref(v->all));
	shape_open(&s, object, message_name(ANSWER_EVENTS), &none);
	table_start(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t n = 0; n < json_array_size(v->all); n++)
		if (shape_element(&element, &s, "events", n) && read_event(&element, &e))
			add_row(&t, &e);
	table_end(&t, 0, stdout);
	json_decref(object);
}

/* Ask until the guest has no more events, then print all. */
static int print_kept(struct events *v)
{
	struct inquiry *i = NULL;
	bool came = true;
	int status;

	v->all = memory_must(json_array());
	v->follow.deadline_ms = clock_ms() + v->follow.options->timeout_ms;
	for (int round = 0; came && round < ROUNDS_MAX && json_array_size(v->all) < EVENTS_MAX;
		round++) {
		if (i != NULL)
			inquiry_free_all(i, 1);
		i = follow_ask(&v->follow, &came);
	}
	status = (int)failure_exit(i->failure.kind);
	if (v->follow.options->json)
		print_json(v, i);
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	else
		print_table(v);
	if (v->lost > 0 && !v->follow.options->json)
		say_lost(v, v->lost);
	inquiry_free_all(i, 1);
	json_decref(v->all);
	return status;
}

int verb_events(const struct options *o)
{
	struct events v = { .follow = { .options = o,
				    .kind = REQUEST_EVENTS,
				    .waits = true,
				    .request = make_request,
				    .take = take },
		.following = o->follow };

	return o->follow ? follow_run(&v.follow) : print_kept(&v);
}
