/* SPDX-License-Identifier: MIT */
/*
 * JSON text (RFC 8259), in and out. Reading is in two steps: json_check() has jansson look at the
 * whole text, and then the values are walked where they stand. So a number is seen as it was
 * written (30 and 30.0 differ, and 64 bits are 64 bits), and a duplicate key is noticed where it
 * matters.
 */
#ifndef PROTOCOL_JSON_H
#define PROTOCOL_JSON_H

#include "base/buf.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_NESTING_MAX 127 /* arrays and objects around a value, at most */

enum json_kind {
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY,
	JSON_KIND_STRING,
	JSON_KIND_NUMBER,
	JSON_KIND_BOOL,
	JSON_KIND_NULL,
};

/* A value, as its text within a checked document. No white space around it. */
struct json {
	const char *at;
	size_t len;
};

/* Where a walk over an object's members or an array's elements stands. */
struct json_walk {
	const char *at, *end;
};

/*
 * Check that `text` is exactly one JSON value of strict UTF-8, white space around it allowed, and
 * give that value without the white space. Returns 0, or -EINVAL with `p`, whose text begins with
 * the place ("line 3, column 7: ..."), or -ENOMEM.
 */
int json_check(const char *text, size_t len, struct json *value, struct problem *p);

/* The same, and no object in it has a key twice: for JSON that is passed on as it is. */
int json_check_unique(const char *text, size_t len, struct json *value, struct problem *p);

/* How many arrays and objects are inside each other in a value, itself included. */
int json_nesting(struct json value);

/* The kind of a value. */
enum json_kind json_kind(struct json value);

/* Begin to walk over an object or an array. */
struct json_walk json_enter(struct json container);

/* The next member of an object; false after the last one. `key` is a string value. */
bool json_member(struct json_walk *w, struct json *key, struct json *value);

/* The next element of an array; false after the last one. */
bool json_element(struct json_walk *w, struct json *value);

/*
 * Decode a string value into memory that the caller frees; NUL-terminated, and `len` counts the
 * bytes since U+0000 can be one of them. Returns 0 or -ENOMEM.
 */
int json_decode_string(struct json value, char **text, size_t *len);

/* Is the string value `text`? */
bool json_string_is(struct json value, const char *text);

/*
 * Read a number that is written as digits only, up to `max`. Returns 0, -EINVAL for other numbers
 * (negative, fraction, exponent), or -ERANGE above max.
 */
int json_whole_number(struct json value, uint64_t max, uint64_t *n);

/* Describe a problem at `value` of the document that starts at `document`; returns -EINVAL. */
int json_problem(struct problem *p, const char *document, struct json value, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/*
 * Append a string as JSON. Only what must be escaped is: the quotation mark, the backslash, and
 * controls (\b \f \n \r \t, else \u00xx). `len` bytes of UTF-8. All or nothing, as buf_put().
 */
void json_put_string(struct buf *b, const char *text, size_t len);

/* The same without quotation marks, for a string of several parts; in part when it does not fit. */
void json_put_escaped(struct buf *b, const char *text, size_t len);

/* The same as json_put_string() for a NUL-terminated string; NULL becomes null. */
void json_put_text(struct buf *b, const char *text);

/* Bytes that json_put_string() writes, quotation marks included. */
size_t json_string_size(const char *text, size_t len);

/* Append a value without the white space between its parts. */
void json_put_compact(struct buf *b, struct json value);

#endif
