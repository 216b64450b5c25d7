/* SPDX-License-Identifier: MIT */
/* A table of text. Each column is as wide as its widest cell. */
#ifndef PROBE_SHOW_TABLE_H
#define PROBE_SHOW_TABLE_H

#include "probe/show/text.h"

#include <stddef.h>
#include <stdio.h>

struct table {
	const char *const *heads; /* one for each column; NULL: no heading */
	size_t columns;
	char **cells; /* row by row; safe to show */
	size_t count;
};

/* Start a table. `heads` is kept by reference. */
void table_start(struct table *t, const char *const *heads, size_t columns);

/* Add the next cell, made safe to show, of at most `max` columns. */
void table_text(struct table *t, struct text text, size_t max);

/* Add the next cell, formatted as by buf_printf(). */
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print the table, indented by `indent` spaces, and free it. */
void table_end(struct table *t, size_t indent, FILE *out);

#endif
