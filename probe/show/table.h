/* SPDX-License-Identifier: MIT */
/* A table of text with columns as wide as what is in them. */
#ifndef PROBE_SHOW_TABLE_H
#define PROBE_SHOW_TABLE_H

#include "probe/show/text.h"

#include <stddef.h>
#include <stdio.h>

struct table {
	const char *const *heads; /* one a column; NULL: no line of heads */
	size_t columns;
	char **cells; /* line by line; safe to show */
	size_t count;
};

/* Start a table. `heads` is kept by reference. */
void table_start(struct table *t, const char *const *heads, size_t columns);

/* Add the next cell, made safe to show, of at most `max` columns. */
void table_text(struct table *t, struct text text, size_t max);

/* Add the next cell from a format, as buf_printf() does it. */
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print it, each line with `indent` spaces in front, and free it. */
void table_end(struct table *t, size_t indent, FILE *out);

#endif
