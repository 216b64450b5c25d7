/* SPDX-License-Identifier: MIT */
/*
 * Short forms for rows of tables of fields. `T` is the struct, `m` its member; the field has the
 * member's name unless the form takes another. A field is required unless the form says otherwise.
 */
#ifndef PROTOCOL_ROWS_H
#define PROTOCOL_ROWS_H

#include "protocol/fields.h"

#include <stddef.h>

/* A struct fields over the rows in the array `table`, for `T`: other fields are an error. */
#define STRICT(table, T)                                                                           \
	{                                                                                          \
		.rows = (table), .count = sizeof(table) / sizeof((table)[0]), .size = sizeof(T),   \
		.strict = true                                                                     \
	}

#define ROW(T, m, t, f) .name = #m, .type = FIELD_##t, .flags = (f), .offset = offsetof(T, m)

#define ROW_TEXT(T, m)                                                                             \
	{                                                                                          \
		ROW(T, m, STRING, FIELD_REQUIRED)                                                  \
	}
#define ROW_MAYBE_TEXT(T, m)                                                                       \
	{                                                                                          \
		ROW(T, m, STRING, FIELD_NULLABLE)                                                  \
	}
#define ROW_BOOL(T, m)                                                                             \
	{                                                                                          \
		ROW(T, m, BOOL, FIELD_REQUIRED)                                                    \
	}
#define ROW_OPTION(T, m)                                                                           \
	{                                                                                          \
		ROW(T, m, BOOL, 0)                                                                 \
	} /* false when absent */
#define ROW_OPTION_ON(T, m)                                                                        \
	{                                                                                          \
		ROW(T, m, BOOL, FIELD_TRUE)                                                        \
	} /* true when absent */
#define ROW_WHOLE(T, m, top)                                                                       \
	{                                                                                          \
		ROW(T, m, WHOLE, FIELD_REQUIRED), .max = (top)                                     \
	}
#define ROW_DEFAULT(T, m, top)                                                                     \
	{                                                                                          \
		ROW(T, m, WHOLE, 0), .max = (top)                                                  \
	} /* 0 when absent */
#define ROW_KNOWN(T, m)                                                                            \
	{                                                                                          \
		ROW(T, m, WHOLE, FIELD_NULLABLE | FIELD_KNOWN), .max = UINT64_MAX                  \
	}
#define ROW_MAYBE_WHOLE(T, m, top, has)                                                            \
	{                                                                                          \
		ROW(T, m, WHOLE, FIELD_NULLABLE), .max = (top), .given_offset = offsetof(T, has)   \
	}
#define ROW_SIGNED(T, m, top)                                                                      \
	{                                                                                          \
		ROW(T, m, SIGNED, FIELD_REQUIRED), .max = (top)                                    \
	}
#define ROW_CHOICE(T, m, words)                                                                    \
	{                                                                                          \
		ROW(T, m, CHOICE, FIELD_REQUIRED), .choices = (words)                              \
	}
#define ROW_STRINGS(T, m)                                                                          \
	{                                                                                          \
		ROW(T, m, STRINGS, FIELD_REQUIRED)                                                 \
	}
#define ROW_NUMBERS(T, m, n, f)                                                                    \
	{                                                                                          \
		.name = (n), .type = FIELD_NUMBERS, .flags = (f), .offset = offsetof(T, m),        \
		.max = UINT32_MAX                                                                  \
	}
#define ROW_OBJECT(T, m, o)                                                                        \
	{                                                                                          \
		ROW(T, m, OBJECT, FIELD_REQUIRED), .object = (o)                                   \
	}
#define ROW_OBJECTS(T, m, n, o)                                                                    \
	{                                                                                          \
		.name = (n), .type = FIELD_OBJECTS, .flags = FIELD_REQUIRED,                       \
		.offset = offsetof(T, m), .object = (o)                                            \
	}
#define ROW_TAGGED(T, m, n, v, content)                                                            \
	{                                                                                          \
		.name = (n), .type = FIELD_TAGGED, .flags = FIELD_REQUIRED,                        \
		.offset = offsetof(T, m), .variants = (v), .content_offset = offsetof(T, content)  \
	}

#endif
