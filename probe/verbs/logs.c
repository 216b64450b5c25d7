/* SPDX-License-Identifier: MIT */
/* The output of a service. An answer says where its text ended; --follow asks from there. */
#include "probe/verbs/logs.h"

#include "base/buf.h"
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/verbs/follow.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct logs {
	struct follow follow;
	struct log_lines lines;
};

static json_t *time_or_null(uint64_t unix_ms)
{
	char text[CLOCK_UTC_MAX + 4];

	if (unix_ms == 0)
		return json_null();
	clock_utc((time_t)(unix_ms / 1000), text);
	/* "...:ssZ" becomes "...:ss.mmmZ". */
	buf_format(text + strlen(text) - 1, 6, ".%03uZ", (unsigned int)(unix_ms % 1000));
	return json_string(text);
}

void logs_put_json(
	FILE *out, const struct target *target, const char *service, const struct log_line *line)
{
	json_t *object = output_target(target);

	output_set(object, "service", output_string(text_of(service)));
	if (line->is_gap) {
		output_set(object, "lost", json_true());
	} else {
		output_set(object, "time", time_or_null(line->unix_ms));
		output_set(object, "line", output_string(line->text));
	}
	output_set(object, "position", json_integer((json_int_t)line->position));
	output_json_to(out, object);
}

static void put_line(struct log_lines *l, const struct log_line *line)
{
	const struct options *o = LOOP_OWNER(l, struct logs, lines)->follow.options;

	logs_put_json(stdout, &o->targets[0], o->names[0], line);
}

static bool take(struct follow *f, struct inquiry *i)
{
	struct logs *l = LOOP_OWNER(f, struct logs, follow);
	bool was_asked = l->lines.is_asked;

	if (f->options->json && f->options->follow)
		return log_lines_take(&l->lines, i);
	if (!log_lines_read(&l->lines, i))
		return false;
	l->lines.is_asked = true;
	if (f->options->json)
		return true;
	output_raw(STDOUT_FILENO, l->lines.text);
	if (was_asked && l->lines.is_cut)
		out_printf(stderr, "mvm-probe: some output is missing: more was written than the "
				   "guest keeps\n");
	return l->lines.text.len > 0;
}

/* The request for the last lines, or for the output since an answer. */
static char *make_request(struct follow *f)
{
	const struct logs *l = LOOP_OWNER(f, struct logs, follow);
	const struct options *o = f->options;
	const struct logs_request body = { .service = (char *)o->names[0],
		.lines = l->lines.since_ms > 0 ? 0 : o->lines,
		.position = l->lines.position,
		.has_lines = !l->lines.is_asked,
		.has_position = l->lines.is_asked };

	return output_request(REQUEST_LOGS, &body);
}

static void print_json(const struct options *o, const struct inquiry *i, const struct log_lines *l)
{
	bool answered = i->failure.kind == FAILURE_NONE;
	json_t *object = output_target(i->target);

	output_set(object, "service", output_string(text_of(o->names[0])));
	output_set(object, "text", answered ? output_string(l->text) : json_null());
	output_set(
		object, "position", answered ? json_integer((json_int_t)l->position) : json_null());
	output_set(object, "cut", answered ? json_boolean(l->is_cut) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	output_json(object);
}

int verb_logs(const struct options *o)
{
	struct logs l = { .follow = { .options = o,
				  .kind = REQUEST_LOGS,
				  .request = make_request,
				  .take = take },
		.lines = { .since_ms = o->since_ms, .put = put_line } };
	struct inquiry *i;
	int status;
	bool came;

	if (o->is_many || o->name_count != 1 || o->state_file != NULL)
		return logs_many(o);
	i = follow_ask(&l.follow, &came);
	status = (int)failure_exit(i->failure.kind);
	if (o->json && (!o->follow || status != EXIT_HEALTHY))
		print_json(o, i, &l.lines);
	else if (i->failure.kind != FAILURE_NONE)
		output_error(i->target, &i->failure);
	inquiry_free_all(i, 1);
	if (o->follow && status == EXIT_HEALTHY && output_flush())
		status = follow_run(&l.follow);
	log_lines_free(&l.lines);
	return status;
}
