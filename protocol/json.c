/* SPDX-License-Identifier: MIT */
#include "protocol/json.h"

#include "base/number.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BLANK_FROM 4096 /* texts longer than this have their arrays of numbers blanked */

/* ---- reading --------------------------------------------------------------------------------- */

/* Bytes of files come as arrays of numbers: what is done for each character counts. */
static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* The end of the string that starts at `at`. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && at + 1 < end)
			at++;
	return at < end ? at + 1 : end;
}

/* The end of the array of whole numbers that starts at `at`; NULL for any other array. */
static const char *skip_numbers(const char *at, const char *end)
{
	do {
		const char *digits;

		at = skip_space(at + 1, end);
		for (digits = at; at < end && is_digit(*at); at++)
			;
		if (at == digits || (at - digits > 1 && *digits == '0'))
			return NULL;
		at = skip_space(at, end);
	} while (at < end && *at == ',');
	return at < end && *at == ']' ? at + 1 : NULL;
}

/* The end of the value that starts at `at`. `depth` becomes its deepest nesting. */
static const char *skip_value(const char *at, const char *end, int *depth)
{
	const char *after;
	int open = 0;

	*depth = 0;
	do {
		at = skip_space(at, end);
		if (at == end)
			break;
		if (*at == '"') {
			at = skip_string(at, end);
		} else if (*at == '[' && (after = skip_numbers(at, end)) != NULL) {
			at = after;
			if (open + 1 > *depth)
				*depth = open + 1;
		} else if (*at == '{' || *at == '[') {
			open++;
			at++;
		} else if (*at == '}' || *at == ']') {
			open--;
			at++;
		} else if (*at == ',' || *at == ':') {
			at++;
		} else {
			while (at < end && *at != '\0' && !is_space(*at) && *at != ',' &&
				*at != ':' && *at != ']' && *at != '}')
				at++;
			if (at < end && *at == '\0')
				return end;
		}
		if (open > *depth)
			*depth = open;
	} while (open > 0);
	return at;
}

static void find_place(const char *document, const char *at, int *line, int *column)
{
	*line = *column = 1;
	for (; document < at; document++) {
		if (*document == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)*document & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

int json_problem(
	struct problem *p, const char *document, struct json value, const char *format, ...)
{
	char text[PROBLEM_TEXT_MAX];
	int line, column;
	struct buf b;
	va_list args;

	buf_init(&b, text, sizeof(text));
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
	find_place(document, value.at, &line, &column);
	return problem_set_text(p, EINVAL, "line %d, column %d: %s", line, column, text);
}

/*
 * jansson allocates a node for every number: 40 bytes for each byte of a file sent as an array. So
 * jansson gets a copy in which such arrays are "[0]"; with `keeps_places`, spaces fill the rest.
 * Returns the copy's length.
 */
static size_t copy_without_numbers(char *out, const char *text, size_t len, bool keeps_places)
{
	const char *end = text + len, *after;
	char *o = out;

	for (const char *at = text; at < end; at = after) {
		size_t n;

		after = *at == '[' ? skip_numbers(at, end) : NULL;
		if (after != NULL) {
			n = keeps_places ? (size_t)(after - at) : 3;
			memset(o, ' ', n);
			o[0] = '[';
			o[1] = '0';
			o[n - 1] = ']';
		} else {
			after = *at == '"' ? skip_string(at, end) : at + 1;
			n = (size_t)(after - at);
			memcpy(o, at, n);
		}
		o += n;
	}
	return (size_t)(o - out);
}

/* Lines and columns of errors are those of `text`. */
static json_t *load(const char *text, size_t len, size_t flags, json_error_t *error)
{
	char *copy = len > BLANK_FROM ? malloc(len) : NULL;
	json_t *tree;

	if (copy == NULL)
		return json_loadb(text, len, flags, error);
	tree = json_loadb(copy, copy_without_numbers(copy, text, len, false), flags, error);
	if (tree == NULL)
		tree = json_loadb(copy, copy_without_numbers(copy, text, len, true), flags, error);
	free(copy);
	return tree;
}

/* True if a value is a string of printable ASCII without escapes, which is valid as it stands. */
static bool is_simple_string(struct json value)
{
	if (value.len < 2 || value.at[0] != '"' || value.at[value.len - 1] != '"')
		return false;
	for (size_t i = 1; i < value.len - 1; i++)
		if (value.at[i] < ' ' || value.at[i] > '~' || value.at[i] == '"' ||
			value.at[i] == '\\')
			return false;
	return true;
}

static int check(const char *text, size_t len, size_t flags, struct json *value, struct problem *p)
{
	const char *nul = memchr(text, '\0', len);
	json_error_t error;
	json_t *tree;
	int depth;

	/* jansson takes a NUL after the value for the end of the text. */
	if (nul != NULL)
		return json_problem(
			p, text, (struct json){ nul, 1 }, "a NUL byte is not allowed in JSON");
	value->at = skip_space(text, text + len);
	value->len = (size_t)(skip_value(value->at, text + len, &depth) - value->at);
	if (value->at == text + len)
		return problem_set_text(p, EINVAL, "no JSON value");
	if (depth > JSON_NESTING_MAX)
		return json_problem(
			p, text, *value, "nested deeper than %d levels", JSON_NESTING_MAX);
	/* Most requests: jansson's tree would cost as much as all the rest of Ping. */
	if (is_simple_string(*value) &&
		skip_space(value->at + value->len, text + len) == text + len)
		return 0;
	/* As reals, whole numbers of any size pass; the fields read the digits themselves. */
	tree = load(text, len, flags | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
		&error);
	if (tree == NULL && json_error_code(&error) == json_error_out_of_memory)
		return problem_set(p, ENOMEM, "JSON");
	if (tree == NULL)
		return problem_set_text(
			p, EINVAL, "line %d, column %d: %s", error.line, error.column, error.text);
	json_decref(tree);
	return 0;
}

int json_check(const char *text, size_t len, struct json *value, struct problem *p)
{
	return check(text, len, 0, value, p);
}

int json_check_unique(const char *text, size_t len, struct json *value, struct problem *p)
{
	return check(text, len, JSON_REJECT_DUPLICATES, value, p);
}

int json_nesting(struct json value)
{
	int depth;

	skip_value(value.at, value.at + value.len, &depth);
	return depth;
}

enum json_kind json_kind(struct json value)
{
	switch (value.at[0]) {
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case '"':
		return JSON_KIND_STRING;
	case 't':
	case 'f':
		return JSON_KIND_BOOL;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return JSON_KIND_NUMBER;
	}
}

struct json_walk json_enter(struct json container)
{
	return (struct json_walk){ .at = container.at + 1,
		.end = container.at + container.len - 1 };
}

/* Skip white space and one comma or colon. */
static void skip_separator(struct json_walk *w)
{
	w->at = skip_space(w->at, w->end);
	if (w->at < w->end && (*w->at == ',' || *w->at == ':'))
		w->at = skip_space(w->at + 1, w->end);
}

bool json_element(struct json_walk *w, struct json *value)
{
	int depth;

	skip_separator(w);
	if (w->at == w->end)
		return false;
	value->at = w->at;
	w->at = skip_value(w->at, w->end, &depth);
	value->len = (size_t)(w->at - value->at);
	return true;
}

int json_byte(struct json_walk *w, unsigned char *byte)
{
	unsigned int n = 0;
	const char *at;

	skip_separator(w);
	if (w->at == w->end)
		return 0;
	for (at = w->at; at < w->end && is_digit(*at) && n <= UINT8_MAX; at++)
		n = n * 10 + (unsigned int)(*at - '0');
	if (at == w->at || n > UINT8_MAX || (at < w->end && *at != ',' && !is_space(*at)))
		return -EINVAL;
	w->at = at;
	*byte = (unsigned char)n;
	return 1;
}

bool json_member(struct json_walk *w, struct json *key, struct json *value)
{
	return json_element(w, key) && json_element(w, value);
}

int json_decode_string(struct json value, char **text, size_t *len)
{
	json_t *s = json_loadb(value.at, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (s == NULL)
		return -ENOMEM; /* json_check() accepted the text, so nothing else can fail */
	*len = json_string_length(s);
	*text = malloc(*len + 1);
	if (*text != NULL)
		memcpy(*text, json_string_value(s), *len + 1);
	json_decref(s);
	return *text != NULL ? 0 : -ENOMEM;
}

bool json_string_is(struct json value, const char *text)
{
	size_t len = strlen(text);
	bool same;
	char *decoded;

	if (memchr(value.at, '\\', value.len) == NULL)
		return value.len == len + 2 && memcmp(value.at + 1, text, len) == 0;
	if (json_decode_string(value, &decoded, &len) != 0)
		return false;
	same = strlen(text) == len && memcmp(decoded, text, len) == 0;
	free(decoded);
	return same;
}

int json_whole_number(struct json value, uint64_t max, uint64_t *n)
{
	char digits[24];

	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < '0' || value.at[i] > '9')
			return -EINVAL;
	if (value.len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, value.at, value.len);
	digits[value.len] = '\0';
	return number_parse(digits, max, n);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The escape of a byte, built in `room`; NULL if the byte needs none. */
static const char *escape(unsigned char c, char room[8])
{
	static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	static const char hex[] = "0123456789abcdef";

	if (c >= ' ' && c != '"' && c != '\\')
		return NULL;
	memcpy(room, "\\u0000", 7);
	for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
		if (c != (unsigned char)short_forms[i])
			continue;
		room[1] = short_forms[i + 1];
		room[2] = '\0';
		return room;
	}
	room[4] = hex[c >> 4];
	room[5] = hex[c & 15];
	return room;
}

size_t json_string_size(const char *text, size_t len)
{
	size_t size = 2;
	char room[8];

	for (size_t i = 0; i < len; i++) {
		const char *e = escape((unsigned char)text[i], room);

		size += e == NULL ? 1 : strlen(e);
	}
	return size;
}

void json_put_escaped(struct buf *b, const char *text, size_t len)
{
	size_t plain = 0; /* start of the current run of bytes that need no escape */
	char room[8];

	for (size_t i = 0; i < len; i++) {
		const char *e = escape((unsigned char)text[i], room);

		if (e == NULL)
			continue;
		buf_put(b, text + plain, i - plain);
		buf_puts(b, e);
		plain = i + 1;
	}
	buf_put(b, text + plain, len - plain);
}

void json_put_string(struct buf *b, const char *text, size_t len)
{
	size_t before = b->len;

	buf_put(b, "\"", 1);
	json_put_escaped(b, text, len);
	buf_put(b, "\"", 1);
	if (b->cut)
		b->data[b->len = before] = '\0';
}

void json_put_text(struct buf *b, const char *text)
{
	if (text == NULL)
		buf_puts(b, "null");
	else
		json_put_string(b, text, strlen(text));
}

void json_put_compact(struct buf *b, struct json value)
{
	const char *end = value.at + value.len;

	for (const char *at = value.at; at < end;) {
		const char *from = at;

		if (*at == '"')
			at = skip_string(at, end);
		else
			at++;
		if (!is_space(*from))
			buf_put(b, from, (size_t)(at - from));
	}
}
