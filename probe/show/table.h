/* SPDX-License-Identifier: MIT */
/* A table of text. Each column is as wide as its widest cell. */
#ifndef PROBE_SHOW_TABLE_H
#define PROBE_SHOW_TABLE_H

#include "probe/show/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_AS_IT_IS SIZE_MAX /* no column to sort by */

/* How a line stands out on a screen (probe/show/screen.h); the first byte of the line there. */
enum table_mark {
	TABLE_PLAIN = 0,
	TABLE_BAD = 1,
	TABLE_HEAD = 2,
	TABLE_CHOSEN = 3,
};

struct table_cell;

struct table {
	const char *const *heads; /* one for each column; NULL: no heading */
	size_t columns;
	bool has_marks;           /* print them; the caller sets it */
	struct table_cell *cells; /* row by row */
	size_t count;
};

/* Start a table. `heads` is kept by reference. */
void table_start(struct table *t, const char *const *heads, size_t columns);

/* Add the next cell, made safe to show, of at most `max` columns. */
void table_text(struct table *t, struct text text, size_t max);

/* Add the next cell, formatted as by buf_printf(). */
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The number that the latest cell stands for, to sort by. */
void table_key(struct table *t, uint64_t number);

/* How the line of the latest cell stands out, and the caller's number for it. */
void table_mark(struct table *t, enum table_mark mark);
void table_id(struct table *t, size_t id);

/*
 * Sort the lines below the heads by a column: the largest number first, or by the bytes of the text
 * where there are no numbers. Lines that are equal stay in their order. TABLE_AS_IT_IS: nothing.
 */
void table_sort(struct table *t, size_t column);

/* The number of the `line`th line below the heads that the caller gave it; and how many there are.
 */
size_t table_line_id(const struct table *t, size_t line);
size_t table_lines(const struct table *t);

/* Mark a line below the heads. */
void table_mark_line(struct table *t, size_t line, enum table_mark mark);

/* Print the table, indented by `indent` spaces, and free it. */
void table_end(struct table *t, size_t indent, FILE *out);

#endif
