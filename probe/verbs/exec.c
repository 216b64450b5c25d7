/* SPDX-License-Identifier: MIT */
/* exec: run a command in a guest whose policy allows it. */
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/shell_words.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/verbs/view.h"
#include "protocol/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MARGIN_MS 5000 /* time for the answer, beyond the command's own */

struct input {
	char *bytes; /* NULL: none */
	size_t len;
};

/*
 * Read all of standard input, unless it is a terminal. The request must fit one frame, so more
 * input than that is an error.
 */
static int read_input(const struct options *o, struct input *in)
{
	*in = (struct input){ 0 };
	if (o->no_stdin || isatty(STDIN_FILENO))
		return 0;
	in->bytes = memory_must(malloc(PROTOCOL_BODY_MAX + 1));
	while (in->len <= PROTOCOL_BODY_MAX) {
		ssize_t n =
			read(STDIN_FILENO, in->bytes + in->len, PROTOCOL_BODY_MAX + 1 - in->len);

		if (n == 0)
			return 0;
		if (n > 0) {
			in->len += (size_t)n;
		} else if (errno == EBADF && in->len == 0) {
			return 0; /* a closed standard input counts as empty */
		} else if (errno != EINTR) {
			out_printf(stderr, "mvm-probe: standard input: %s\n",
				problem_errno_text(errno));
			return -1;
		}
	}
	out_printf(stderr, "mvm-probe: standard input is larger than a request may be, %u bytes\n",
		PROTOCOL_BODY_MAX);
	return -1;
}

static bool is_text(const char *bytes, size_t len, const char *what)
{
	json_t *string = json_stringn(bytes, len);

	if (string == NULL)
		out_printf(
			stderr, "mvm-probe: %s is not UTF-8, which the protocol requires\n", what);
	json_decref(string);
	return string != NULL;
}

/* The request's JSON; NULL after printing a message. */
static char *make_request(const struct options *o, const struct input *in)
{
	char *line = o->command != NULL ? memory_copy(o->command, strlen(o->command))
					: shell_words_join(o->names, o->name_count);
	const struct exec_request body = { .command = line,
		.stdin_bytes = { in->len > 0 ? in->bytes : NULL, in->len },
		.timeout_secs = (o->timeout_ms + 999) / 1000,
		.has_timeout = true };
	char *text = NULL;

	if (is_text(line, strlen(line), "the command") &&
		is_text(in->bytes != NULL ? in->bytes : "", in->len, "standard input"))
		text = output_request(REQUEST_EXEC, &body);
	free(line);
	if (text != NULL && strlen(text) > PROTOCOL_BODY_MAX) {
		out_printf(stderr,
			"mvm-probe: command and standard input make a request of %zu bytes; the "
			"protocol allows %u\n",
			strlen(text), PROTOCOL_BODY_MAX);
		free(text);
		text = NULL;
	}
	return text;
}

struct outcome {
	int64_t exit_code;
	struct text out, err;
};

/* The agent's code may not fit an exit status. It must not look like success then. */
static int exit_status(int64_t code)
{
	return code >= 0 && code <= 255 ? (int)code : 255;
}

static int decode(struct inquiry *i, void *decoded)
{
	struct outcome *r = decoded;
	struct shape s;

	if (!shape_open(&s, i->bodies[0], question_answer(i->questions), &i->failure))
		return EXIT_NO_ANSWER;
	shape_integer(&s, "exit_code", SHAPE_REQUIRED, &r->exit_code);
	shape_text(&s, "stdout", SHAPE_REQUIRED, &r->out);
	shape_text(&s, "stderr", SHAPE_REQUIRED, &r->err);
	return exit_status(r->exit_code);
}

static void members(json_t *object, const struct inquiry *i, const void *decoded)
{
	const struct outcome *r = decoded;
	bool answered = i->failure.kind == FAILURE_NONE;

	output_set(object, "exit_code", answered ? json_integer(r->exit_code) : json_null());
	output_set(object, "stdout", answered ? output_string(r->out) : json_null());
	output_set(object, "stderr", answered ? output_string(r->err) : json_null());
}

static void print(const struct inquiry *i, const void *decoded, const struct page *page)
{
	const struct outcome *r = decoded;

	(void)i;
	(void)page;
	output_raw(STDOUT_FILENO, r->out);
	output_raw(STDERR_FILENO, r->err);
}

int verb_exec(const struct options *o)
{
	static const struct view view = { .size = sizeof(struct outcome),
		.decode = decode,
		.members = members,
		.print = print,
		.status_without = EXIT_NOT_RUN };
	struct input in;
	char *request = read_input(o, &in) == 0 ? make_request(o, &in) : NULL;
	int status;

	free(in.bytes);
	if (request == NULL)
		return EXIT_NOT_RUN;
	status = view_run(o, &(struct question){ REQUEST_EXEC, request },
		o->timeout_ms + ANSWER_MARGIN_MS, &view);
	free(request);
	return status;
}
