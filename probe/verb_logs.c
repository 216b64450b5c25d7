/* SPDX-License-Identifier: MIT */
/*
 * What a service has written. The protocol tells where the text ended; --follow asks again from
 * there, soon after something came and less often when nothing does.
 */
#include "base/clock.h"
#include "probe/inquiry.h"
#include "probe/memory.h"
#include "probe/output.h"
#include "probe/verbs.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS  1000

struct logs {
	struct text text;
	uint64_t position; /* where the next byte will be */
	bool cut;          /* there was more in front */
};

static bool read_logs(struct inquiry *i, struct logs *l)
{
	struct shape s;

	*l = (struct logs){ .text = text_of("") };
	if (i->failure.kind != FAILURE_NONE || !shape_open(&s, i->bodies[0], "Logs", &i->failure))
		return false;
	shape_text(&s, "text", SHAPE_REQUIRED, &l->text);
	shape_number(&s, "position", SHAPE_REQUIRED, &l->position);
	shape_bool(&s, "cut", SHAPE_OPTIONAL, &l->cut);
	return i->failure.kind == FAILURE_NONE;
}

/* The request for the last lines, or for what came since `position`. */
static char *make_request(const struct options *o, const uint64_t *position)
{
	json_t *fields = memory_must(json_object()), *request = memory_must(json_object());
	char *text;

	output_set(fields, "service", output_string(text_of(o->names[0])));
	if (position == NULL)
		output_set(fields, "lines", json_integer((json_int_t)o->lines));
	else
		output_set(fields, "position", json_integer((json_int_t)*position));
	output_set(request, "Logs", fields);
	text = memory_must(json_dumps(request, JSON_COMPACT));
	json_decref(request);
	return text;
}

/* Ask once. The answer's text is valid until inquiry_free_all() of what is returned. */
static struct inquiry *ask(const struct options *o, const uint64_t *position, struct logs *l)
{
	char *request = make_request(o, position);
	struct inquiry *i =
		inquiry_all(o->targets, 1, &(struct question){ request, "Logs" }, 1, o->timeout_ms);

	read_logs(i, l);
	free(request);
	return i;
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

/* Wait before the next question. False when nobody reads the output any more. */
static bool pause_for(uint64_t ms)
{
	struct pollfd out = { .fd = STDOUT_FILENO }; /* errors and hang-ups always count */
	uint64_t until = clock_ms() + ms, now;

	while ((now = clock_ms()) < until) {
		if (poll(&out, 1, (int)(until - now)) > 0 &&
			(out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
			return false;
	}
	return true;
}

static void print_text(const struct logs *l, bool followed)
{
	output_raw(STDOUT_FILENO, l->text);
	if (followed && l->cut)
		fprintf(stderr,
			"mvm-probe: more was written than the guest keeps; some is missing\n");
}

/*
 * Print what comes until there is an end: of the output's reader, or of the guest. A guest that
 * does not answer for a while (paused, restored, its agent restarted) is given --timeout.
 */
static int follow(const struct options *o, uint64_t position)
{
	uint64_t pause_ms = PAUSE_FIRST_MS, answered_ms = clock_ms();

	while (pause_for(pause_ms)) {
		struct logs l;
		struct inquiry *i = ask(o, &position, &l);
		struct failure failure = i->failure;

		if (failure.kind == FAILURE_NONE) {
			print_text(&l, true);
			position = l.position;
			answered_ms = clock_ms();
		}
		pause_ms = l.text.len > 0                 ? PAUSE_FIRST_MS
			   : pause_ms * 2 < PAUSE_LAST_MS ? pause_ms * 2
							  : PAUSE_LAST_MS;
		inquiry_free_all(i, 1);
		if (!output_flush())
			return EXIT_NO_ANSWER;
		if (failure.kind == FAILURE_NONE)
			continue;
		if (failure.kind == FAILURE_ERROR_ANSWER || failure_is_final(failure.kind) ||
			clock_ms() - answered_ms >= o->timeout_ms) {
			output_error(&o->targets[0], &failure);
			return (int)failure_exit(failure.kind);
		}
	}
	return EXIT_HEALTHY;
}

int verb_logs(const struct options *o)
{
	struct logs l;
	struct inquiry *i;
	uint64_t position;
	int status;

	if (o->follow && o->json) {
		fprintf(stderr, "mvm-probe: --follow has no JSON form\n");
		return EXIT_USAGE;
	}
	i = ask(o, NULL, &l);
	status = (int)failure_exit(i->failure.kind);
	position = l.position;
	if (o->json)
		print_json(o, i, &l);
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	else
		print_text(&l, false);
	inquiry_free_all(i, 1);
	return o->follow && status == EXIT_HEALTHY ? follow(o, position) : status;
}
