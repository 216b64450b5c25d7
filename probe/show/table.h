/* SPDX-License-Identifier: MIT */
/* A table of text. Each column is as wide as its widest cell. */
#ifndef PROBE_SHOW_TABLE_H
#define PROBE_SHOW_TABLE_H

#include "probe/show/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_AS_IT_IS SIZE_MAX /* no column to sort by */

/* How a line is highlighted on a screen (probe/show/screen.h): its first byte there. */
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
	bool has_marks;           /* print the marks; set by the caller */
	struct table_cell *cells; /* row by row */
	size_t count;
};

/* Start a table. `heads` is kept by reference. */
void table_start(struct table *t, const char *const *heads, size_t columns);

/* Add the next cell, made safe to show, of at most `max` columns. */
void table_text(struct table *t, struct text text, size_t max);

/* Add the next cell, formatted as by buf_printf(). */
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, with the arguments of the format as a list. */
void table_vprintf(struct table *t, const char *format, va_list args);

/* Set the number that the latest cell is sorted by. */
void table_key(struct table *t, uint64_t number);

/* Set the mark of the latest cell's line, and the caller's id for the line. */
void table_mark(struct table *t, enum table_mark mark);
void table_id(struct table *t, size_t id);

/*
 * Sort the lines below the heading by a column: the largest number first, or by the bytes of the
 * text if there are no numbers. Equal lines keep their order. TABLE_AS_IT_IS: do not sort.
 */
void table_sort(struct table *t, size_t column);

/* The caller's id of line `line` below the heading; and the number of lines. */
size_t table_line_id(const struct table *t, size_t line);
size_t table_lines(const struct table *t);

/* Mark a line below the heading. */
void table_mark_line(struct table *t, size_t line, enum table_mark mark);

/* Print the table, indented by `indent` spaces, and free it. */
void table_end(struct table *t, size_t indent, FILE *out);

#endif
