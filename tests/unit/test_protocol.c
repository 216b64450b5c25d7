/* SPDX-License-Identifier: MIT */
/* The table of messages: every row with its vectors, and what is written can be read. */
#include "protocol/messages.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[MESSAGE_DIRECTIONS] = { "request", "answer", "host-request",
	"host-answer" };

#define BYTES_ROOM 262144

union any_body {
	union request_body request;
	union answer_body answer;
	union host_answer_body host_answer;
	struct host_instance instance;
};

/* ---- vectors --------------------------------------------------------------------------------- */

static json_t *load(void)
{
	json_error_t error;
	json_t *vectors = json_load_file(VECTORS "/messages.json", 0, &error);

	cr_assert_not_null(vectors, "%s:%d: %s", error.source, error.line, error.text);
	return vectors;
}

static enum message_direction direction_of(json_t *vector)
{
	const char *name = json_string_value(json_object_get(vector, "direction"));

	for (int i = 0; i < MESSAGE_DIRECTIONS; i++)
		if (name != NULL && strcmp(name, directions[i]) == 0)
			return (enum message_direction)i;
	cr_assert_fail("a vector without direction");
	return MESSAGE_DIRECTIONS;
}

/* What is accepted is written again, and that is read as the same: nothing gets lost. */
static void check_accepted(enum message_direction d, const char *text)
{
	static char out[2][65536];
	const char *from = text;

	for (int i = 0; i < 2; i++) {
		union any_body body = { 0 };
		struct buf b = BUF_OVER(out[i]);
		enum message_kind kind;
		struct problem p;

		cr_assert_eq(message_decode(d, from, strlen(from), &kind, &body, &p), 0, "%s: %s",
			from, p.text);
		buf_clear(&b);
		message_encode(&b, kind, &body);
		cr_assert(!b.cut);
		message_free(kind, &body);
		from = out[i];
	}
	cr_expect_str_eq(out[0], out[1], "%s", text);
}

static void check_rejected(enum message_direction d, const char *text)
{
	union any_body body = { 0 };
	enum message_kind kind;
	struct problem p;

	cr_expect_neq(message_decode(d, text, strlen(text), &kind, &body, &p), 0, "%s", text);
	message_free(kind, &body);
}

Test(protocol, vectors)
{
	json_t *vectors = load(), *vector;
	size_t i;

	json_array_foreach(vectors, i, vector)
	{
		const char *text = json_string_value(json_object_get(vector, "text"));

		if (json_is_true(json_object_get(vector, "accept")))
			check_accepted(direction_of(vector), text);
		else
			check_rejected(direction_of(vector), text);
	}
	json_decref(vectors);
}

Test(protocol, every_row_has_vectors_of_both_kinds)
{
	json_t *vectors = load(), *vector;
	size_t i;

	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		size_t counts[2] = { 0, 0 };

		json_array_foreach(vectors, i, vector)
		{
			const char *name = json_string_value(json_object_get(vector, "message"));

			if (direction_of(vector) == messages[kind].direction &&
				strcmp(name, message_name(kind)) == 0)
				counts[json_is_true(json_object_get(vector, "accept"))]++;
		}
		cr_expect_gt(counts[0], 0, "%s has nothing to reject", message_name(kind));
		cr_expect_gt(counts[1], 0, "%s has nothing to accept", message_name(kind));
	}
	json_decref(vectors);
}

/* ---- the table ------------------------------------------------------------------------------- */

Test(protocol, every_row_is_complete)
{
	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		const struct message *m = &messages[kind];

		cr_assert_not_null(m->body.name, "row %d", kind);
		cr_expect_neq(m->dialects, 0, "%s", m->body.name);
		check_accepted(m->direction, m->example);
		if (m->direction == MESSAGE_REQUEST)
			cr_expect_eq(messages[m->answers[0]].direction, MESSAGE_ANSWER, "%s",
				m->body.name);
	}
}

/* Examples are in the form that is written. */
Test(protocol, examples_are_canonical)
{
	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		const struct message *m = &messages[kind];
		char text[4096];
		struct buf b = BUF_OVER(text);
		union any_body body = { 0 };
		enum message_kind found;
		struct problem p;

		cr_assert_eq(message_decode(m->direction, m->example, strlen(m->example), &found,
				     &body, &p),
			0, "%s", p.text);
		cr_expect_eq((int)found, kind);
		buf_clear(&b);
		message_encode(&b, found, &body);
		cr_expect_str_eq(text, m->example);
		message_free(found, &body);
	}
}

/* ---- bytes as numbers ------------------------------------------------------------------------ */

Test(protocol, bytes_survive_as_numbers)
{
	unsigned char bytes[60000];
	char *text = malloc(BYTES_ROOM);
	struct buf b;
	struct answer a;
	struct problem p;
	struct fs_result r = { .kind = FS_RESULT_READ, .as.read.total_size = sizeof(bytes) };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(255 - i % 256);
	r.as.read.content = (struct field_bytes){ (char *)bytes, sizeof(bytes) };
	buf_init(&b, text, BYTES_ROOM);
	message_encode(&b, ANSWER_FS_RESULT, &r);
	cr_assert(!b.cut);
	cr_assert_leq(b.len, 262144);
	cr_assert_eq(answer_decode(text, b.len, &a, &p), 0, "%s", p.text);
	cr_assert_eq(a.body.fs.as.read.content.len, sizeof(bytes));
	cr_expect_eq(memcmp(a.body.fs.as.read.content.data, bytes, sizeof(bytes)), 0);
	answer_free(&a);
	free(text);
}

/* Beyond 4 KiB arrays of numbers are checked in another way, which must refuse the same. */
Test(protocol, long_arrays_of_numbers_are_strict)
{
	static const struct {
		const char *last;
		bool accept;
	} rows[] = { { "255", true }, { " 0 ", true }, { "256", false }, { "-1", false },
		{ "1.0", false }, { "01", false }, { "", false }, { "1 2", false },
		{ "null", false }, { "\"1\"", false }, { "1]", false },
		{ "18446744073709551616", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[8192];
		struct buf b = BUF_OVER(text);
		struct request r;
		struct problem p;

		buf_clear(&b);
		buf_puts(&b, "{\"ProcSendInput\":{\"pid_token\":\"t\",\"bytes\":[");
		for (int n = 0; n < 2000; n++)
			buf_puts(&b, "1, ");
		buf_printf(&b, "%s]}}", rows[i].last);
		cr_expect_eq(request_decode(text, b.len, &r, &p) == 0, rows[i].accept, "%s: %s",
			rows[i].last, p.text);
		request_free(&r);
	}
}

Test(protocol, large_requests_are_known_by_their_start)
{
	static const struct {
		const char *start;
		bool large;
	} rows[] = { { "{\"FsWrite\":{\"path\":\"/tmp/xxxxxxxx", true },
		{ " { \"RunEntrypoint\" : {           ", true },
		{ "{\"ProcSendInput\":{\"pid_token\":\"x", true },
		{ "{\"Exec\":{\"command\":\"", false }, { "\"Ping\"", false },
		{ "[\"FsWrite\"", false }, { "{\"FsWrit", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(message_is_large(rows[i].start, strlen(rows[i].start)), rows[i].large,
			"%s", rows[i].start);
}
