/* SPDX-License-Identifier: MIT */
/*
 * Read and write JSON text (RFC 8259). Reading takes two steps: json_check() lets jansson validate
 * the whole text, then the other functions walk over the values in the text itself. So the caller
 * sees a number as it was written (30 and 30.0 differ, 64 bits stay exact), and can notice a
 * duplicate key.
 */
#ifndef PROTOCOL_JSON_H
#define PROTOCOL_JSON_H

#include "base/buf.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_NESTING_MAX 127 /* most arrays and objects inside each other */

enum json_kind {
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY,
	JSON_KIND_STRING,
	JSON_KIND_NUMBER,
	JSON_KIND_BOOL,
	JSON_KIND_NULL,
};

/* A value: its text within a checked document, without white space around it. */
struct json {
	const char *at;
	size_t len;
};

/* Position of a walk over an object's members or an array's elements. */
struct json_walk {
	const char *at, *end;
};

/*
 * Check that `text` is one JSON value in valid UTF-8, with white space around it or none. `value`
 * becomes that value without the white space. Returns 0, or -EINVAL with `p`, whose text begins
 * with the place ("line 3, column 7: ..."), or -ENOMEM.
 */
int json_check(const char *text, size_t len, struct json *value, struct problem *p);

/* The same, but a duplicate key is an error: for JSON that is passed on unread. */
int json_check_unique(const char *text, size_t len, struct json *value, struct problem *p);

/* How many arrays and objects are inside each other in a value, including the value itself. */
int json_nesting(struct json value);

/* The kind of a value. */
enum json_kind json_kind(struct json value);

/* Start a walk over an object or an array. */
struct json_walk json_enter(struct json container);

/* Get the next member of an object; false after the last one. `key` is a string value. */
bool json_member(struct json_walk *w, struct json *key, struct json *value);

/* Get the next element of an array; false after the last one. */
bool json_element(struct json_walk *w, struct json *value);

/* The next element of an array as a whole number from 0 to 255. Returns 1; 0 after the last one; or
 * -EINVAL for any other value. */
int json_byte(struct json_walk *w, unsigned char *byte);

/*
 * Decode a string value into memory that the caller frees. The text is NUL-terminated; `len` is its
 * length in bytes, because U+0000 may be in it. Returns 0 or -ENOMEM.
 */
int json_decode_string(struct json value, char **text, size_t *len);

/* True if the string value is `text`. */
bool json_string_is(struct json value, const char *text);

/*
 * Read a number that consists of digits. Returns 0, -EINVAL for any other number (a sign, a
 * fraction, an exponent), or -ERANGE above `max`.
 */
int json_whole_number(struct json value, uint64_t max, uint64_t *n);

/* Describe a problem with `value` in the text that starts at `document`. Returns -EINVAL. */
int json_problem(struct problem *p, const char *document, struct json value, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/*
 * Append `len` bytes of UTF-8 as a JSON string. Only the quotation mark, the backslash and control
 * characters are escaped (\b \f \n \r \t, else \u00xx). All or nothing, as buf_put().
 */
void json_put_string(struct buf *b, const char *text, size_t len);

/* The same without the quotation marks, for a string in several parts. Not all or nothing. */
void json_put_escaped(struct buf *b, const char *text, size_t len);

/* json_put_string() for a NUL-terminated string; NULL becomes null. */
void json_put_text(struct buf *b, const char *text);

/* How many bytes json_put_string() writes, including the quotation marks. */
size_t json_string_size(const char *text, size_t len);

/* Append a value, leaving out the white space between its parts. */
void json_put_compact(struct buf *b, struct json value);

#endif
