/* SPDX-License-Identifier: MIT */
/* What a service has written. The protocol tells where the text ended; --follow asks from there. */
#include "probe/memory.h"
#include "probe/verbs/follow.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

struct logs {
	struct follow follow;
	struct text text;  /* as long as there is the answer that it is in */
	uint64_t position; /* where the next byte will be */
	bool cut;          /* there was more in front */
	bool asked;
};

static void print_text(const struct logs *l, bool followed)
{
	output_raw(STDOUT_FILENO, l->text);
	if (followed && l->cut)
		fprintf(stderr,
			"mvm-probe: more was written than the guest keeps; some is missing\n");
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
	if (!f->options->json)
		print_text(l, l->asked);
	l->asked = true;
	return l->text.len > 0;
}

/* The request for the last lines, or for what came since an answer. */
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

	if (o->follow && o->json) {
		fprintf(stderr, "mvm-probe: --follow has no JSON form\n");
		return EXIT_USAGE;
	}
	i = follow_ask(&l.follow, &came);
	status = (int)failure_exit(i->failure.kind);
	if (o->json)
		print_json(o, i, &l);
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	inquiry_free_all(i, 1);
	if (!o->follow || status != EXIT_HEALTHY || !output_flush())
		return status;
	return follow_run(&l.follow);
}
