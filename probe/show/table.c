/* SPDX-License-Identifier: MIT */
#include "probe/show/table.h"

#include "probe/memory.h"
#include "probe/show/out.h"

#include <stdlib.h>
#include <string.h>

#define GAP      2
#define CELL_MAX 1024 /* bytes: 200 columns of text, or fewer with long escapes */

struct table_cell {
	char *text; /* safe to show */
	uint64_t key;
	/* Of a line's first cell: */
	size_t id, place;
	enum table_mark mark;
};

void table_start(struct table *t, const char *const *heads, size_t columns)
{
	*t = (struct table){ .heads = heads, .columns = columns };
	for (size_t c = 0; heads != NULL && c < columns; c++)
		table_text(t, text_of(heads[c]), 100);
	if (heads != NULL)
		table_mark(t, TABLE_HEAD);
}

/* Columns of safe text: its number of characters. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void add_cell(struct table *t, const char *text, size_t len)
{
	t->cells = memory_for_one_more(t->cells, t->count, sizeof(*t->cells));
	t->cells[t->count] = (struct table_cell){ .text = memory_copy(text, len), .id = t->count };
	t->count++;
}

void table_text(struct table *t, struct text text, size_t max)
{
	char storage[CELL_MAX];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, max);
	add_cell(t, b.data, b.len);
}

void table_vprintf(struct table *t, const char *format, va_list args)
{
	char storage[CELL_MAX];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_vprintf(&b, format, args);
	add_cell(t, b.data, b.len);
}

void table_printf(struct table *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	table_vprintf(t, format, args);
	va_end(args);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct table_cell *line_of(const struct table *t, size_t cell)
{
	return &t->cells[cell - cell % t->columns];
}

/* The first cell of a line below the heading. */
static struct table_cell *line_at(const struct table *t, size_t line)
{
	return &t->cells[(line + (t->heads != NULL)) * t->columns];
}

void table_key(struct table *t, uint64_t number)
{
	t->cells[t->count - 1].key = number;
}

void table_mark(struct table *t, enum table_mark mark)
{
	line_of(t, t->count - 1)->mark = mark;
}

void table_id(struct table *t, size_t id)
{
	line_of(t, t->count - 1)->id = id;
}

size_t table_lines(const struct table *t)
{
	return t->count / t->columns - (t->heads != NULL);
}

size_t table_line_id(const struct table *t, size_t line)
{
	return line_at(t, line)->id;
}

void table_mark_line(struct table *t, size_t line, enum table_mark mark)
{
	line_at(t, line)->mark = mark;
}

static int by_column(const void *a, const void *b, void *arg)
{
	const struct table_cell *x = a, *y = b;
	size_t column = *(const size_t *)arg;
	int order = (y[column].key > x[column].key) - (y[column].key < x[column].key);

	if (order == 0)
		order = strcmp(x[column].text, y[column].text);
	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

void table_sort(struct table *t, size_t column)
{
	size_t lines = t->columns > 0 && t->count > 0 ? table_lines(t) : 0;

	if (column >= t->columns || lines < 2)
		return;
	for (size_t n = 0; n < lines; n++)
		line_at(t, n)->place = n;
	qsort_r(line_at(t, 0), lines, t->columns * sizeof(*t->cells), by_column, &column);
}

static void print_line(
	const struct table *t, size_t first, const size_t *widths, size_t indent, FILE *out)
{
	size_t pending = indent; /* spaces to print only if a cell follows */

	if (t->has_marks && t->cells[first].mark != TABLE_PLAIN)
		fputc((int)t->cells[first].mark, out);
	for (size_t c = 0; c < t->columns && first + c < t->count; c++) {
		const char *cell = t->cells[first + c].text;
		size_t width = width_of(cell);

		if (width > 0) {
			out_pad(out, pending);
			fputs(cell, out);
		}
		pending = widths[c] - width + GAP + (width > 0 ? 0 : pending);
	}
	fputc('\n', out);
}

void table_end(struct table *t, size_t indent, FILE *out)
{
	size_t *widths = memory_must(calloc(t->columns, sizeof(*widths)));

	for (size_t i = 0; i < t->count; i++) {
		size_t width = width_of(t->cells[i].text);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->count; i += t->columns)
		print_line(t, i, widths, indent, out);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(widths);
	*t = (struct table){ 0 };
}
