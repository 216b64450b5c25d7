/* SPDX-License-Identifier: MIT */
/*
 * What agents answer, decoded strictly: JSON of strict UTF-8 without duplicate keys, each field of
 * its type. Fields that are not known are ignored; values of an enumeration are text here, so that
 * a newer agent's are shown and not refused. Whole numbers that 64 bits with a sign do not hold are
 * reals.
 */
#ifndef PROBE_WIRE_ANSWER_H
#define PROBE_WIRE_ANSWER_H

#include "probe/show/text.h"
#include "probe/wire/failure.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value within an answer, and where it is, for messages: "integrations[3].health". */
struct shape {
	const json_t *object;
	struct failure *failure;
	char where[96];
};

enum shape_need {
	SHAPE_REQUIRED, /* must be there */
	SHAPE_OPTIONAL, /* may be absent, or null */
};

/*
 * Parse the frame `bytes` and find the message `expected` in it, in either form: "NAME" or
 * {"NAME":null} has the body null, {"NAME":{...}} an object. Returns the whole document, to be
 * freed with json_decref(), and the body in `body`; or NULL with `f`: the agent's own words when it
 * answered Error.
 */
json_t *answer_open(const char *bytes, size_t len, const char *expected, const json_t **body,
	struct failure *f);

/* A shape over an answer's body, which must be an object. False with the failure set when not. */
bool shape_open(struct shape *s, const json_t *body, const char *name, struct failure *f);

/* The element `index` of the array at `key`; false with the failure set unless it is an object. */
bool shape_element(struct shape *s, const struct shape *parent, const char *key, size_t index);

/*
 * Read a field. True when it is there and of that type. False when it is absent or null and
 * optional, in which case the value is that of "nothing" ("", 0, false, NULL); or with the failure
 * set. A number above INT64_MAX becomes that.
 */
bool shape_text(struct shape *s, const char *key, enum shape_need need, struct text *value);
bool shape_bool(struct shape *s, const char *key, enum shape_need need, bool *value);
bool shape_number(struct shape *s, const char *key, enum shape_need need, uint64_t *value);
bool shape_array(struct shape *s, const char *key, enum shape_need need, size_t *count);
bool shape_object(struct shape *s, const char *key, enum shape_need need, struct shape *value);

/* Like these for a whole number that may be negative, or for any number. */
bool shape_integer(struct shape *s, const char *key, enum shape_need need, int64_t *value);
bool shape_real(struct shape *s, const char *key, enum shape_need need, double *value);

/* The text of a JSON string; "" for anything else. */
struct text answer_text(const json_t *string);

/* Has a shape (or another that shares its failure) met something wrong? */
bool shape_failed(const struct shape *s);

#endif
