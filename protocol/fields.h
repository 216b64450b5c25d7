/* SPDX-License-Identifier: MIT */
/*
 * JSON objects into C structs, by table: each row names a key, the type of its value, and where in
 * the struct it goes. By the same rules for requests, drop-in files and the policy: unknown keys
 * are ignored, a known key may stand once, a key that is absent leaves what the struct has, and
 * null is taken only where the table allows it (and then counts as absent).
 */
#ifndef PROTOCOL_FIELDS_H
#define PROTOCOL_FIELDS_H

#include "protocol/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX      32   /* rows of one table, at most */
#define FIELDS_LIST_MAX 1024 /* elements of one list */

enum field_type {
	FIELD_STRING,  /* char *, without U+0000 */
	FIELD_BYTES,   /* struct field_bytes: a string in which U+0000 is allowed */
	FIELD_BOOL,    /* bool */
	FIELD_WHOLE,   /* uint64_t from 0 to the row's max */
	FIELD_REAL,    /* double; whole numbers too */
	FIELD_CHOICE,  /* unsigned int: the index of the string in the row's choices */
	FIELD_STRINGS, /* struct field_list of char * */
	FIELD_OBJECT,  /* a struct by another table, embedded */
	FIELD_OBJECTS, /* struct field_list of structs by another table */
	FIELD_JSON,    /* char *: the text of any value, compact */
};

enum {
	FIELD_REQUIRED = 1, /* must be there */
	FIELD_NULLABLE = 2, /* null counts as absent */
};

struct field_bytes {
	char *data; /* NULL when absent */
	size_t len;
};

struct field_list {
	void *items; /* array */
	size_t count;
};

struct fields;

struct field {
	const char *name;
	const char *alias; /* another spelling of the name, or NULL */
	enum field_type type;
	unsigned int flags;
	size_t offset;               /* of the value in the struct */
	size_t given_offset;         /* of a bool that says "was there and not null", or 0 */
	uint64_t max;                /* FIELD_WHOLE */
	const char *const *choices;  /* FIELD_CHOICE: NULL-terminated */
	const struct fields *object; /* FIELD_OBJECT, FIELD_OBJECTS */
};

struct fields {
	const struct field *rows;
	size_t count;
	size_t size; /* of the struct */
};

/* A struct fields over the rows in the array `table`, for `struct type`. */
#define FIELDS_OF(table, type)                                                                     \
	{                                                                                          \
		.rows = (table), .count = sizeof(table) / sizeof((table)[0]), .size = sizeof(type) \
	}

/*
 * Fill `out`, which has its defaults already, from a value of the checked document that starts at
 * `document`. Returns 0, or -EINVAL with `p` (place, key and what is expected), or -ENOMEM. In
 * every case fields_free() frees what `out` holds.
 */
int fields_decode(const struct fields *f, const char *document, struct json value, void *out,
	struct problem *p);

/* Free a list of strings, and make it empty. */
void field_strings_free(struct field_list *list);

/* Free all strings and lists in `object` and set them to NULL. */
void fields_free(const struct fields *f, void *object);

#endif
