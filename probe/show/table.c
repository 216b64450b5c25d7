/* SPDX-License-Identifier: MIT */
#include "probe/show/table.h"

#include "probe/memory.h"

#include <stdlib.h>
#include <string.h>

#define GAP      2
#define CELL_MAX 1024 /* bytes: 200 columns of text, or fewer with long escapes */

void table_start(struct table *t, const char *const *heads, size_t columns)
{
	*t = (struct table){ .heads = heads, .columns = columns };
	for (size_t c = 0; heads != NULL && c < columns; c++)
		table_text(t, text_of(heads[c]), 100);
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
	t->cells = memory_resize(t->cells, t->count + 1, sizeof(*t->cells));
	t->cells[t->count++] = memory_copy(text, len);
}

void table_text(struct table *t, struct text text, size_t max)
{
	char storage[CELL_MAX];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text, max);
	add_cell(t, b.data, b.len);
}

void table_printf(struct table *t, const char *format, ...)
{
	char storage[CELL_MAX];
	struct buf b = BUF_OVER(storage);
	va_list args;

	buf_clear(&b);
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
	add_cell(t, b.data, b.len);
}

static void print_line(
	const struct table *t, size_t first, const size_t *widths, size_t indent, FILE *out)
{
	size_t pending = indent; /* spaces to print only if a cell follows */

	for (size_t c = 0; c < t->columns && first + c < t->count; c++) {
		const char *cell = t->cells[first + c];
		size_t width = width_of(cell);

		if (width > 0)
			fprintf(out, "%*s%s", (int)pending, "", cell);
		pending = widths[c] - width + GAP + (width > 0 ? 0 : pending);
	}
	fputc('\n', out);
}

void table_end(struct table *t, size_t indent, FILE *out)
{
	size_t *widths = memory_must(calloc(t->columns, sizeof(*widths)));

	for (size_t i = 0; i < t->count; i++) {
		size_t width = width_of(t->cells[i]);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->count; i += t->columns)
		print_line(t, i, widths, indent, out);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(widths);
	*t = (struct table){ 0 };
}
