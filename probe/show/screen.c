/* SPDX-License-Identifier: MIT */
#include "probe/show/screen.h"

#include "base/buf.h"
#include "base/file.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

static bool is_taken;

bool screen_is_there(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && terminal != NULL &&
	       strcmp(terminal, "dumb") != 0;
}

static void give_back(void)
{
	if (is_taken)
		(void)file_write_all(STDOUT_FILENO, LEAVE, strlen(LEAVE));
	is_taken = false;
}

static void forget(struct screen *s)
{
	for (size_t n = 0; s->shown != NULL && n < s->rows; n++)
		free(s->shown[n]);
	free(s->shown);
	s->shown = NULL;
}

static void measure(struct screen *s)
{
	struct winsize size = { 0 };

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	s->cols = size.ws_col > 0 ? size.ws_col : 80;
	s->rows = size.ws_row > 0 ? size.ws_row : 24;
	s->shown = memory_must(calloc(s->rows, sizeof(*s->shown)));
}

void screen_open(struct screen *s)
{
	static bool is_registered;
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: set, and not empty */

	*s = (struct screen){ .has_color = no_color == NULL || no_color[0] == '\0' };
	measure(s);
	if (!is_registered)
		atexit(give_back);
	is_registered = is_taken = true;
	(void)file_write_all(STDOUT_FILENO, ENTER, strlen(ENTER));
}

void screen_resize(struct screen *s)
{
	forget(s);
	measure(s);
}

void screen_close(struct screen *s)
{
	forget(s);
	give_back();
}

/* ---- a page ---------------------------------------------------------------------------------- */

static const char *escape_of(const struct screen *s, unsigned char mark)
{
	switch (mark) {
	case TABLE_BAD:
		return s->has_color ? "\033[31m" : "";
	case TABLE_HEAD:
		return "\033[1m";
	case TABLE_CHOSEN:
		return "\033[7m";
	default:
		return NULL;
	}
}

/* Bytes of the first `cols` characters, at most `len`. `cols` becomes the columns left over. */
static size_t cut_at(const char *line, size_t len, size_t *cols)
{
	size_t at = 0;

	for (; at < len; at++) {
		bool starts = ((unsigned char)line[at] & 0xc0) != 0x80;

		if (starts && *cols == 0)
			break;
		*cols -= starts;
	}
	return at;
}

/* A line with its escapes, which the caller frees. */
static char *line_for(const struct screen *s, const char *line, size_t len)
{
	const char *escape = len > 0 ? escape_of(s, (unsigned char)line[0]) : NULL;
	size_t size, cols = s->cols;
	char *out;

	if (escape != NULL)
		line++, len--;
	len = cut_at(line, len, &cols);
	size = len + 32;
	out = memory_must(malloc(size));
	/* After a full line the cursor is still on its last character: do not erase that. */
	buf_format(out, size, "%s%.*s%s%s", escape != NULL ? escape : "", (int)len, line,
		escape != NULL && escape[0] != '\0' ? "\033[0m" : "", cols > 0 ? "\033[K" : "");
	return out;
}

/* Write a line of the screen, unless it is already shown. */
static void put_line(struct screen *s, size_t row, const char *line, size_t len, FILE *out)
{
	char *wanted = line_for(s, line, len);

	if (s->shown[row] != NULL && strcmp(s->shown[row], wanted) == 0) {
		free(wanted);
		return;
	}
	out_printf(out, "\033[%zu;1H%s", row + 1, wanted);
	free(s->shown[row]);
	s->shown[row] = wanted;
}

static size_t count_lines(const char *page)
{
	size_t n = 0;

	for (; *page != '\0'; page++)
		n += *page == '\n';
	return n;
}

/* Limit the first visible line, so that the page fills the screen if it can. */
static void limit_first(const struct screen *s, const char *page, struct screen_view *v)
{
	size_t lines = count_lines(page), room = s->rows > 0 ? s->rows - 1u : 0, last;

	if (v->fixed > room)
		v->fixed = room;
	last = lines > room ? lines - room : 0;
	if (v->first > last)
		v->first = last;
}

void screen_show(struct screen *s, const char *page, struct screen_view *v)
{
	size_t len = 0, row = 0, number = 0;
	char *bytes = NULL;
	FILE *out = memory_must(open_memstream(&bytes, &len));

	limit_first(s, page, v);
	for (const char *at = page; *at != '\0' && row + 1 < s->rows; number++) {
		size_t line = strcspn(at, "\n");

		if (number < v->fixed || number >= v->fixed + v->first)
			put_line(s, row++, at, line, out);
		at += line + (at[line] == '\n');
	}
	while (row + 1 < s->rows)
		put_line(s, row++, "", 0, out);
	put_line(s, row, v->bottom, strlen(v->bottom), out);
	fclose(out);
	if (len > 0)
		(void)file_write_all(STDOUT_FILENO, bytes, len);
	free(bytes);
}
