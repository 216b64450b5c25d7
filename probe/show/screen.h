/* SPDX-License-Identifier: MIT */
/*
 * A page of text on the whole of a terminal, shown again and again without flicker: only lines that
 * differ from what is there are written, all with one write(2). The escapes are those of ECMA-48
 * and xterm's alternate screen, which all terminals of today have.
 */
#ifndef PROBE_SHOW_SCREEN_H
#define PROBE_SHOW_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen {
	uint16_t cols, rows;
	bool has_color;
	char **shown; /* `rows` lines with their escapes; NULL: not known */
};

/* What of a page is seen. */
struct screen_view {
	size_t fixed;       /* lines at the top that stay */
	size_t first;       /* of the others, the first one that is seen; moved to what there is */
	const char *bottom; /* the last line of the screen */
};

/* True if standard output is a terminal that can do this. */
bool screen_is_there(void);

/* Take the terminal. It is given back by screen_close(), or at the end of the program. */
void screen_open(struct screen *s);

/* The terminal has another size: all of it is written with the next page. */
void screen_resize(struct screen *s);

/*
 * Show a page. Lines are cut at the right edge. A line's first byte may be an enum table_mark of
 * probe/show/table.h.
 */
void screen_show(struct screen *s, const char *page, struct screen_view *view);

void screen_close(struct screen *s);

#endif
