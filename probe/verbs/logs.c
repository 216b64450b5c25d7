/* SPDX-License-Identifier: MIT */
/* logs: a service's output. An answer has the position of its end; --follow asks from there. */
#include "probe/memory.h"
#include "probe/verbs/follow.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536

struct logs {
	struct follow follow;
	struct text text;  /* valid as long as its answer */
	uint64_t position; /* position of the next byte */
	bool cut;          /* older text was left out */
	bool asked;
	char *begun; /* --json with --follow: `begun_len` bytes of an incomplete line */
	size_t begun_len;
};

static void print_text(const struct logs *l, bool followed)
{
	output_raw(STDOUT_FILENO, l->text);
	if (followed && l->cut)
		fprintf(stderr,
			"mvm-probe: more was written than the guest keeps; some is missing\n");
}

/* ---- a line of JSON for each line of text -------------------------------------------------- */

static void put_line(const struct logs *l, struct text line, uint64_t position)
{
	const struct options *o = l->follow.options;
	json_t *object = output_target(&o->targets[0]);

	output_set(object, "service", output_string(text_of(o->names[0])));
	output_set(object, "line", output_string(line));
	output_set(object, "position", json_integer((json_int_t)position));
	output_json_line(object);
}

static void put_gap(const struct logs *l)
{
	const struct options *o = l->follow.options;
	json_t *object = output_target(&o->targets[0]);

	output_set(object, "service", output_string(text_of(o->names[0])));
	output_set(object, "lost", json_true());
	output_set(object, "position", json_integer((json_int_t)(l->position - l->text.len)));
	output_json_line(object);
}

/* Append new text to the incomplete line, and print all complete lines. */
static void put_lines(struct logs *l)
{
	bool is_gap = l->asked && l->cut;
	char *text, *at;
	size_t len;

	if (is_gap) {
		if (l->begun_len > 0)
			put_line(l, (struct text){ l->begun, l->begun_len },
				l->position - l->text.len);
		l->begun_len = 0;
		put_gap(l);
	}
	len = l->begun_len + l->text.len;
	text = at = memory_resize(l->begun, len + 1, 1);
	memcpy(text + l->begun_len, l->text.bytes, l->text.len);
	for (char *end; (end = memchr(at, '\n', (size_t)(text + len - at))) != NULL; at = end + 1)
		put_line(l, (struct text){ at, (size_t)(end - at) },
			l->position - (uint64_t)(text + len - end - 1));
	l->begun_len = (size_t)(text + len - at);
	if (l->begun_len >= LINE_MAX_BYTES) { /* a line without an end must not use up memory */
		put_line(l, (struct text){ at, l->begun_len }, l->position);
		l->begun_len = 0;
	}
	memmove(text, at, l->begun_len);
	l->begun = text;
}

static bool take(struct follow *f, struct inquiry *i)
{
	struct logs *l = LOOP_OWNER(f, struct logs, follow), answer = *l;
	struct shape s;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return false;
	shape_text(&s, "text", SHAPE_REQUIRED, &answer.text);
	shape_number(&s, "position", SHAPE_REQUIRED, &answer.position);
	shape_bool(&s, "cut", SHAPE_OPTIONAL, &answer.cut);
	if (shape_failed(&s))
		return false;
	*l = answer;
	if (f->options->json && f->options->follow)
		put_lines(l);
	else if (!f->options->json)
		print_text(l, l->asked);
	l->asked = true;
	return l->text.len > 0;
}

/* The request for the last lines, or for the text after the previous answer. */
static char *make_request(struct follow *f)
{
	const struct logs *l = LOOP_OWNER(f, struct logs, follow);
	const struct options *o = f->options;
	const struct logs_request body = { .service = (char *)o->names[0],
		.lines = o->lines,
		.position = l->position,
		.has_lines = !l->asked,
		.has_position = l->asked };

	return output_request(REQUEST_LOGS, &body);
}

static void print_json(const struct options *o, const struct inquiry *i, const struct logs *l)
{
	bool answered = i->failure.kind == FAILURE_NONE;
	json_t *object = output_target(i->target);

	output_set(object, "service", output_string(text_of(o->names[0])));
	output_set(object, "text", answered ? output_string(l->text) : json_null());
	output_set(
		object, "position", answered ? json_integer((json_int_t)l->position) : json_null());
	output_set(object, "cut", answered ? json_boolean(l->cut) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	output_json(object);
}

int verb_logs(const struct options *o)
{
	struct logs l = { .follow = { .options = o,
				  .kind = REQUEST_LOGS,
				  .request = make_request,
				  .take = take } };
	struct inquiry *i;
	int status;
	bool came;

	i = follow_ask(&l.follow, &came);
	status = (int)failure_exit(i->failure.kind);
	if (o->json && (!o->follow || status != EXIT_HEALTHY))
		print_json(o, i, &l);
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	inquiry_free_all(i, 1);
	if (o->follow && status == EXIT_HEALTHY && output_flush())
		status = follow_run(&l.follow);
	free(l.begun);
	return status;
}
