/* SPDX-License-Identifier: MIT */
/*
 * Strict decoding of agents' answers: JSON in valid UTF-8 without duplicate keys, every field of
 * its type. Unknown fields are ignored. Values of enumerations stay text, so a newer agent's values
 * can be shown. Whole numbers that do not fit a signed 64-bit integer are reals.
 */
#ifndef PROBE_WIRE_ANSWER_H
#define PROBE_WIRE_ANSWER_H

#include "probe/show/text.h"
#include "probe/wire/failure.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value in an answer, with its place for messages: "integrations[3].health". */
struct shape {
	const json_t *object;
	struct failure *failure;
	char where[96];
};

enum shape_need {
	SHAPE_REQUIRED, /* absent or null is a failure */
	SHAPE_OPTIONAL, /* may be absent, or null */
};

/*
 * Parse the frame `bytes`, which must hold the message `expected`. The body is null for "NAME" and
 * {"NAME":null}, an object for {"NAME":{...}}. Returns the document, which the caller passes to
 * json_decref(), and the body in `body`. Returns NULL with `f` on failure; if the agent answered
 * Error, `f` has the agent's message.
 */
json_t *answer_open(const char *bytes, size_t len, const char *expected, const json_t **body,
	struct failure *f);

/* Start a shape over an answer's body. False with the failure set if it is not an object. */
bool shape_open(struct shape *s, const json_t *body, const char *name, struct failure *f);

/* Get element `index` of the array `key`. False with the failure set if it is not an object. */
bool shape_element(struct shape *s, const struct shape *parent, const char *key, size_t index);

/*
 * Read a field. True if it is present and of that type. False if it is optional and absent or null;
 * the value is then "", 0, false or NULL. False with the failure set otherwise. A number above
 * INT64_MAX becomes INT64_MAX.
 */
bool shape_text(struct shape *s, const char *key, enum shape_need need, struct text *value);
bool shape_bool(struct shape *s, const char *key, enum shape_need need, bool *value);
bool shape_number(struct shape *s, const char *key, enum shape_need need, uint64_t *value);
bool shape_array(struct shape *s, const char *key, enum shape_need need, size_t *count);
bool shape_object(struct shape *s, const char *key, enum shape_need need, struct shape *value);

/* The same for a whole number that may be negative, and for any number. */
bool shape_integer(struct shape *s, const char *key, enum shape_need need, int64_t *value);
bool shape_real(struct shape *s, const char *key, enum shape_need need, double *value);

/* The text of a JSON string; "" for anything else. */
struct text answer_text(const json_t *string);

/* True if this shape, or another with the same failure, met an error. */
bool shape_failed(const struct shape *s);

#endif
