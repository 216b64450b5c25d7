/* SPDX-License-Identifier: MIT */
/*
 * Text that a guest wrote, on its way to a terminal. The guest is the less trusted side: nothing of
 * what it sends may move the cursor, change colours, hide characters or begin a new line.
 */
#ifndef PROBE_SHOW_TEXT_H
#define PROBE_SHOW_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of text that somebody else owns; may contain any byte. */
struct text {
	const char *bytes;
	size_t len;
};

/* A struct text over a string; NULL becomes "". */
struct text text_of(const char *string);

/*
 * Read the UTF-8 character (Unicode 15, table 3-7) at the start of `bytes`. Returns how many bytes
 * it has, 1 to 4, or 0 when there is none.
 */
size_t text_decode(const char *bytes, size_t len, uint32_t *code);

/* Is all of it UTF-8? */
bool text_is_utf8(const char *bytes, size_t len);

/*
 * Is this a character that a terminal acts upon, or that changes what a reader sees of others: C0
 * and C1 controls, DEL, line and paragraph separators, marks of direction, tags, zero-width ones?
 */
bool text_is_unsafe(uint32_t code);

/*
 * Append `text` so that it is safe to show: unsafe characters become \n, \t, \r, \xHH or \u{HEX},
 * bytes that are no UTF-8 become \xHH. Of more than `max` columns the last three show "...".
 * Returns the columns used, one a character.
 */
size_t text_put_visible(struct buf *out, struct text text, size_t max);

#endif
