/* SPDX-License-Identifier: MIT */
/*
 * Decode JSON objects into C structs and encode them, by tables. A row names a key, the type of its
 * value and its place in the struct. Messages, drop-in files and the policy share the rules: an
 * unknown key is ignored (or refused, if the table is strict), a key given twice is an error, an
 * absent key leaves the struct's default, and null is an error unless the row allows it (null then
 * counts as absent).
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
	FIELD_STRING,  /* char *; U+0000 is refused */
	FIELD_BYTES,   /* struct field_bytes: a string that may contain U+0000 */
	FIELD_BOOL,    /* bool */
	FIELD_WHOLE,   /* uint64_t from 0 to the row's max */
	FIELD_SIGNED,  /* int64_t from -max - 1 to the row's max */
	FIELD_REAL,    /* double */
	FIELD_CHOICE,  /* unsigned int: index into the row's choices */
	FIELD_STRINGS, /* struct field_list of char * */
	FIELD_OBJECT,  /* an embedded struct with its own table */
	FIELD_OBJECTS, /* struct field_list of structs with their own table */
	FIELD_JSON,    /* char *: any value as compact JSON text */
	FIELD_NUMBERS, /* struct field_bytes: an array of bytes as numbers; at most max */
	FIELD_PORTS,   /* struct field_list of uint16_t: an array of numbers; at most max */
	FIELD_MAP,     /* struct field_list of struct field_pair: an object of strings */
	FIELD_TAGGED,  /* unsigned int: index into the row's variants; content beside it */
};

enum {
	FIELD_REQUIRED = 1, /* absent is an error */
	FIELD_NULLABLE = 2, /* null counts as absent */
	FIELD_TRUE = 4,     /* FIELD_BOOL: absent means true */
	FIELD_KNOWN = 16,   /* FIELD_WHOLE: absent means FIELD_UNKNOWN */
	FIELD_OMIT = 8,     /* encoding leaves out an absent value instead of writing null */
	FIELD_ALIAS = 32,   /* the name has another spelling */
};

/* What a FIELD_KNOWN row decodes from absent or null, and encodes as null. */
#define FIELD_UNKNOWN UINT64_MAX

struct field_bytes {
	char *data; /* NULL when absent */
	size_t len;
};

struct field_list {
	void *items; /* array */
	size_t count;
	/*
	 * Encode a long list without building the array: at(items, index) returns a pointer to
	 * what the array would hold. Called once for each index, in order. NULL: there is an array.
	 */
	const void *(*at)(void *source, size_t index);
};

struct field_pair {
	char *name, *value;
};

struct fields;
struct variant;

/* The members are narrow because the tables are most of what the programs have of the protocol. */
struct field {
	const char *name; /* with FIELD_ALIAS another spelling follows: "one\0other" */
	uint8_t type;     /* enum field_type */
	uint8_t flags;
	uint16_t offset;         /* of the value, in the struct */
	uint16_t given_offset;   /* of a bool: the value was present, not null; 0: none */
	uint16_t content_offset; /* FIELD_TAGGED: of the variant's content */
	uint64_t max;            /* FIELD_WHOLE, FIELD_SIGNED, FIELD_NUMBERS */
	union {                  /* by type */
		const char *const *choices;     /* FIELD_CHOICE: NULL-terminated */
		const struct fields *object;    /* FIELD_OBJECT, FIELD_OBJECTS */
		const struct variant *variants; /* FIELD_TAGGED: ends with one without a name */
	};
};

/*
 * One form of a tagged value. In JSON, "NAME" or {"NAME":null} without content, {"NAME":CONTENT}
 * with content, which is an object with fields or a single value. Messages are variants.
 */
struct variant {
	const char *name;
	const struct fields *fields; /* of the content; NULL: the content is no object */
	const struct field *value;   /* a nameless row: the content is one value; or NULL */
};

/* Variants that lie `step` bytes apart, in structs of their own or in a plain array. */
struct variants {
	const struct variant *first;
	size_t step;
	size_t count; /* or SIZE_MAX, and one without a name ends them */
};

struct fields {
	const struct field *rows;
	size_t count;
	size_t size; /* of the struct */
	bool strict; /* an unknown field is an error */
};

/* Initializer of a struct fields: the rows in the array `table` describe `type`. */
#define FIELDS_OF(table, type)                                                                     \
	{                                                                                          \
		.rows = (table), .count = sizeof(table) / sizeof((table)[0]), .size = sizeof(type) \
	}

/*
 * Decode `value` into `out`, which already has its defaults. `document` is the start of the text
 * that json_check() accepted. Returns 0, or -EINVAL with `p` (line, column, key and what was
 * expected), or -ENOMEM. After success and failure alike, fields_free() frees what `out` holds.
 */
int fields_decode(const struct fields *f, const char *document, struct json value, void *out,
	struct problem *p);

/*
 * Decode a tagged value: `index` becomes that of the variant (the number of variants if none
 * matches), `content` its content. Errors as fields_decode(). variant_free() frees what `content`
 * holds.
 */
int variant_decode(const struct variants *all, const char *document, struct json value,
	unsigned int *index, void *content, struct problem *p);

/* Append an object, in the order of its rows. Invalid UTF-8 in strings becomes U+FFFD. */
void fields_encode(const struct fields *f, struct buf *b, const void *object);

/* Append a variant with its content. */
void variant_encode(const struct variant *v, struct buf *b, const void *content);

void variant_free(const struct variant *v, void *content);

/* Append text of any origin as a JSON string; invalid UTF-8 becomes U+FFFD. All or nothing. */
void json_put_lossy(struct buf *b, const char *bytes, size_t len);

/* The most bytes that json_put_lossy() writes for a NUL-terminated text. */
size_t json_lossy_size(const char *text);

/* Append bytes as an array of numbers. All or nothing, as buf_put(). */
void json_put_numbers(struct buf *b, const void *bytes, size_t len);

/* Free a list of strings; the list is empty afterwards. */
void field_strings_free(struct field_list *list);

/* Free all strings and lists in `object` and set them to NULL. */
void fields_free(const struct fields *f, void *object);

#endif
