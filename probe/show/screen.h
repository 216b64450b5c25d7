/* SPDX-License-Identifier: MIT */
/*
 * Shows a page of text on a whole terminal, again and again without flicker: only lines that
 * changed are written, all with one write(2). The escapes are those of ECMA-48 and xterm's
 * alternate screen, which all current terminals know.
 */
#ifndef PROBE_SHOW_SCREEN_H
#define PROBE_SHOW_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen {
	uint16_t cols, rows;
	bool has_color;
	char **shown; /* `rows` lines with their escapes; NULL: unknown */
};

/* The visible part of a page. */
struct screen_view {
	size_t fixed;       /* lines at the top that stay */
	size_t first;       /* first visible one of the others; limited to the page */
	const char *bottom; /* the last line of the screen */
};

/* True if standard output is a terminal that supports this. */
bool screen_is_there(void);

/* Take over the terminal. screen_close() or the end of the program restores it. */
void screen_open(struct screen *s);

/* The terminal's size changed: the next page is written in full. */
void screen_resize(struct screen *s);

/*
 * Show a page. Lines are cut at the right edge. A line's first byte may be an enum table_mark of
 * probe/show/table.h.
 */
void screen_show(struct screen *s, const char *page, struct screen_view *view);

void screen_close(struct screen *s);

#endif
