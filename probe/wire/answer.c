/* SPDX-License-Identifier: MIT */
#include "probe/wire/answer.h"

#include "base/buf.h"
#include "probe/memory.h"
#include "protocol/messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_COLUMNS 200
#define NUMBER_BEYOND 9223372036854775808.0 /* INT64_MAX + 1 */

/* ---- the message ----------------------------------------------------------------------------- */

static void say_error_answer(const json_t *body, struct failure *f)
{
	char storage[4 * QUOTE_COLUMNS + 1];
	struct buf quoted = BUF_OVER(storage);
	const json_t *message = json_object_get(body, "message");

	buf_clear(&quoted);
	if (!json_is_string(message)) {
		failure_set(f, FAILURE_UNDECODABLE, "the agent answered Error without a message");
		return;
	}
	text_put_visible(&quoted, answer_text(message), QUOTE_COLUMNS);
	failure_set(f, FAILURE_ERROR_ANSWER, "the agent answered: %s", quoted.data);
}

static void say_unexpected(const char *expected, struct text name, struct failure *f)
{
	char storage[4 * QUOTE_COLUMNS + 1];
	struct buf quoted = BUF_OVER(storage);

	buf_clear(&quoted);
	text_put_visible(&quoted, name, 40);
	failure_set(f, FAILURE_UNDECODABLE, "the agent answered '%s' where '%s' is expected",
		quoted.data, expected);
}

/* Get the name and the body of a message. */
static bool split_message(json_t *root, struct text *name, const json_t **body)
{
	void *member;
	const char *key;

	*body = NULL;
	if (json_is_string(root)) {
		*name = answer_text(root);
		return true;
	}
	if (!json_is_object(root) || json_object_size(root) != 1)
		return false;
	member = json_object_iter(root);
	key = json_object_iter_key(member);
	*name = text_of(key);
	*body = json_object_iter_value(member);
	return true;
}

/* The end of the string at `at`; its closing quotation mark may be missing. */
static size_t skip_string(const char *bytes, size_t len, size_t at)
{
	for (at++; at < len && bytes[at] != '"'; at++)
		at += bytes[at] == '\\';
	return at < len ? at + 1 : len;
}

/* True if the text is a whole number that does not fit a signed 64-bit integer. */
static bool is_too_large(const char *text, size_t len)
{
	char digits[24];

	if (len == 0 || strspn(text + (*text == '-'), "0123456789") < len - (*text == '-'))
		return false;
	if (len >= sizeof(digits))
		return true;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	(void)strtoll(digits, NULL, 10);
	return errno == ERANGE;
}

/* A copy of the text, from malloc(), with ".0" after every whole number too large for jansson. */
static char *with_large_reals(const char *bytes, size_t len, size_t *new_len)
{
	char *copy = memory_must(malloc(2 * len + 1));
	struct buf b;

	buf_init(&b, copy, 2 * len + 1);
	for (size_t at = 0, from; at < len;) {
		from = at;
		if (bytes[at] == '"')
			at = skip_string(bytes, len, at);
		else
			while (at < len && strchr("0123456789+-.eE", bytes[at]) != NULL &&
				bytes[at] != '\0')
				at++;
		at += at == from;
		buf_put(&b, bytes + from, at - from);
		if (is_too_large(bytes + from, at - from))
			buf_puts(&b, ".0");
	}
	*new_len = b.len;
	return copy;
}

static json_t *load(const char *bytes, size_t len, json_error_t *error)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *root = json_loadb(bytes, len, flags, error);
	size_t new_len;
	char *copy;

	if (root != NULL || json_error_code(error) != json_error_numeric_overflow)
		return root;
	copy = with_large_reals(bytes, len, &new_len);
	root = json_loadb(copy, new_len, flags, error);
	free(copy);
	return root;
}

static json_t *parse(const char *bytes, size_t len, struct failure *f)
{
	json_error_t error;
	json_t *root = load(bytes, len, &error);
	char storage[4 * QUOTE_COLUMNS + 1];
	struct buf quoted = BUF_OVER(storage);

	if (root != NULL)
		return root;
	buf_clear(&quoted);
	text_put_visible(
		&quoted, text_of(error.text), QUOTE_COLUMNS); /* the text quotes the answer */
	failure_set(f, FAILURE_UNDECODABLE, "the answer (%zu bytes) is not JSON: byte %d: %s", len,
		error.position, quoted.data);
	return NULL;
}

static bool is_error(struct text name)
{
	const char *error = message_name(ANSWER_ERROR);

	return name.len == strlen(error) && memcmp(name.bytes, error, name.len) == 0;
}

json_t *answer_open(
	const char *bytes, size_t len, const char *expected, const json_t **body, struct failure *f)
{
	json_t *root = parse(bytes, len, f);
	struct text name;

	if (root == NULL)
		return NULL;
	if (!split_message(root, &name, body))
		failure_set(f, FAILURE_UNDECODABLE,
			"the answer is not a message: expected one name, or an object with one "
			"member");
	else if (strlen(expected) == name.len && memcmp(expected, name.bytes, name.len) == 0)
		return root;
	else if (is_error(name))
		say_error_answer(*body, f);
	else
		say_unexpected(expected, name, f);
	json_decref(root);
	return NULL;
}

struct text answer_text(const json_t *string)
{
	if (!json_is_string(string))
		return text_of("");
	return (struct text){ json_string_value(string), json_string_length(string) };
}

/* ---- its fields ------------------------------------------------------------------------------ */

static void say_wrong(struct shape *s, const char *key, const char *what)
{
	failure_set(s->failure, FAILURE_UNDECODABLE, "the answer cannot be understood: %s.%s: %s",
		s->where, key, what);
}

bool shape_failed(const struct shape *s)
{
	return s->failure->kind != FAILURE_NONE;
}

bool shape_open(struct shape *s, const json_t *body, const char *name, struct failure *f)
{
	*s = (struct shape){ .object = body, .failure = f };
	buf_format(s->where, sizeof(s->where), "%s", name);
	if (json_is_object(body))
		return true;
	failure_set(
		f, FAILURE_UNDECODABLE, "the answer cannot be understood: %s: not an object", name);
	return false;
}

/* The value of a field. NULL if there is none, or if an earlier field was wrong. */
static const json_t *field(struct shape *s, const char *key, enum shape_need need)
{
	const json_t *value;

	if (shape_failed(s))
		return NULL;
	value = json_object_get(s->object, key);
	if (value != NULL && !(need == SHAPE_OPTIONAL && json_is_null(value)))
		return value;
	if (need == SHAPE_REQUIRED)
		say_wrong(s, key, "is missing");
	return NULL;
}

bool shape_text(struct shape *s, const char *key, enum shape_need need, struct text *value)
{
	const json_t *v = field(s, key, need);

	*value = answer_text(v);
	if (v != NULL && !json_is_string(v))
		say_wrong(s, key, "is not a string");
	return json_is_string(v);
}

bool shape_bool(struct shape *s, const char *key, enum shape_need need, bool *value)
{
	const json_t *v = field(s, key, need);

	*value = v != NULL && json_is_true(v);
	if (v != NULL && !json_is_boolean(v))
		say_wrong(s, key, "is not true or false");
	return json_is_boolean(v);
}

bool shape_integer(struct shape *s, const char *key, enum shape_need need, int64_t *value)
{
	const json_t *v = field(s, key, need);

	*value = json_is_integer(v) ? json_integer_value(v) : 0;
	if (v != NULL && !json_is_integer(v))
		say_wrong(s, key, "is not a whole number");
	return json_is_integer(v);
}

bool shape_number(struct shape *s, const char *key, enum shape_need need, uint64_t *value)
{
	const json_t *v = json_object_get(s->object, key);
	int64_t n;
	bool there;

	/* The protocol's numbers are unsigned 64-bit, these are signed. Numbers above INT64_MAX are
	 * no sensible sizes or times, so cutting them to INT64_MAX loses nothing. */
	if (json_is_real(v) && json_real_value(v) >= NUMBER_BEYOND &&
		json_real_value(v) <= 2 * NUMBER_BEYOND && !shape_failed(s)) {
		*value = INT64_MAX;
		return true;
	}
	there = shape_integer(s, key, need, &n);
	*value = n < 0 ? 0 : (uint64_t)n;
	if (there && n < 0)
		say_wrong(s, key, "is negative");
	return there && n >= 0;
}

bool shape_real(struct shape *s, const char *key, enum shape_need need, double *value)
{
	const json_t *v = field(s, key, need);

	*value = json_number_value(v);
	if (v != NULL && !json_is_number(v))
		say_wrong(s, key, "is not a number");
	return json_is_number(v);
}

bool shape_array(struct shape *s, const char *key, enum shape_need need, size_t *count)
{
	const json_t *v = field(s, key, need);

	*count = json_array_size(v);
	if (v != NULL && !json_is_array(v))
		say_wrong(s, key, "is not an array");
	return json_is_array(v);
}

static bool enter(struct shape *s, const struct shape *parent, const json_t *object)
{
	s->object = object;
	s->failure = parent->failure;
	if (json_is_object(object))
		return true;
	failure_set(s->failure, FAILURE_UNDECODABLE,
		"the answer cannot be understood: %s: not an object", s->where);
	return false;
}

bool shape_object(struct shape *s, const char *key, enum shape_need need, struct shape *value)
{
	const json_t *v = field(s, key, need);

	if (v == NULL)
		return false;
	buf_format(value->where, sizeof(value->where), "%.60s.%.30s", s->where, key);
	return enter(value, s, v);
}

bool shape_element(struct shape *s, const struct shape *parent, const char *key, size_t index)
{
	const json_t *array = json_object_get(parent->object, key);

	buf_format(s->where, sizeof(s->where), "%.40s[%zu]", key, index);
	return enter(s, parent, json_array_get(array, index));
}
