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
#define FIELDS_LIST_MAX 4096 /* elements of one list */

enum field_type {
	FIELD_STRING,  /* char *, without U+0000 */
	FIELD_BYTES,   /* struct field_bytes: a string in which U+0000 is allowed */
	FIELD_BOOL,    /* bool */
	FIELD_WHOLE,   /* uint64_t from 0 to the row's max */
	FIELD_SIGNED,  /* int64_t from the row's min to its max */
	FIELD_REAL,    /* double; whole numbers too */
	FIELD_CHOICE,  /* unsigned int: the index of the string in the row's choices */
	FIELD_STRINGS, /* struct field_list of char * */
	FIELD_OBJECT,  /* a struct by another table, embedded */
	FIELD_OBJECTS, /* struct field_list of structs by another table */
	FIELD_JSON,    /* char *: the text of any value, compact */
	FIELD_NUMBERS, /* struct field_bytes: an array of numbers, a byte each; max bytes */
	FIELD_PORTS,   /* struct field_list of uint16_t: an array of numbers; max of them */
	FIELD_MAP,     /* struct field_list of struct field_pair: an object of strings */
	FIELD_TAGGED,  /* unsigned int: the index of one of the row's variants; its content */
};

enum {
	FIELD_REQUIRED = 1, /* must be there */
	FIELD_NULLABLE = 2, /* null counts as absent */
	FIELD_TRUE = 4,     /* a bool that is true when absent */
	FIELD_KNOWN = 16,   /* a FIELD_WHOLE that is FIELD_UNKNOWN when absent */
	FIELD_OMIT = 8,     /* written as nothing, and not as null, when absent */
};

/* The value of a FIELD_KNOWN that is absent or null, and is written as null. */
#define FIELD_UNKNOWN UINT64_MAX

struct field_bytes {
	char *data; /* NULL when absent */
	size_t len;
};

struct field_list {
	void *items; /* array */
	size_t count;
};

struct field_pair {
	char *name, *value;
};

struct fields;
struct variant;

/* The members are narrow because the tables are most of what the programs have of the protocol. */
struct field {
	const char *name;
	const char *alias; /* another spelling of the name, or NULL */
	uint8_t type;      /* enum field_type */
	uint8_t flags;
	uint16_t offset;                    /* of the value in the struct */
	uint16_t given_offset;              /* of a bool that says "was there and not null", or 0 */
	uint16_t content_offset;            /* FIELD_TAGGED: of the variant's content */
	uint64_t max;                       /* FIELD_WHOLE, FIELD_SIGNED, FIELD_NUMBERS */
	int64_t min;                        /* FIELD_SIGNED */
	union {                             /* by type */
		const char *const *choices; /* FIELD_CHOICE: NULL-terminated */
		const struct fields *object;    /* FIELD_OBJECT, FIELD_OBJECTS */
		const struct variant *variants; /* FIELD_TAGGED: the last has no name */
	};
};

/*
 * One of several things that a value may be, in JSON "NAME" (or {"NAME":null}) for one without
 * content and {"NAME":CONTENT} for the others: fields, or one value. Messages are variants, too.
 */
struct variant {
	const char *name;
	const struct fields *fields; /* the content is an object of these; or NULL */
	const struct field *value;   /* the content is this value, whose row has no name; or NULL */
};

struct fields {
	const struct field *rows;
	size_t count;
	size_t size; /* of the struct */
	bool strict; /* a field that is not known is an error */
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

/*
 * Decode the value of a message or another variant: `value` must be one of `variants`, whose index
 * goes to `index` (the number of variants when it is none), and its content to `content`. Errors as
 * fields_decode(); variant_free() frees what `content` holds.
 */
int variant_decode(const struct variant *variants, const char *document, struct json value,
	unsigned int *index, void *content, struct problem *p);

/* Append an object in the order of its rows. Strings become UTF-8 where they are not. */
void fields_encode(const struct fields *f, struct buf *b, const void *object);

/* Append a variant with its content. */
void variant_encode(const struct variant *v, struct buf *b, const void *content);

void variant_free(const struct variant *v, void *content);

/* Append text of another program as a JSON string: what is not UTF-8 becomes U+FFFD. */
void json_put_lossy(struct buf *b, const char *bytes, size_t len);

/* Append bytes as an array of numbers. All or nothing, as buf_put(). */
void json_put_numbers(struct buf *b, const void *bytes, size_t len);

/* Free a list of strings, and make it empty. */
void field_strings_free(struct field_list *list);

/* Free all strings and lists in `object` and set them to NULL. */
void fields_free(const struct fields *f, void *object);

#endif
