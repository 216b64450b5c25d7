/* SPDX-License-Identifier: MIT */
/*
 * Makes text from a guest safe for a terminal. Guests are not trusted: their text must not move the
 * cursor, change colours, hide characters or start a new line.
 */
#ifndef PROBE_SHOW_TEXT_H
#define PROBE_SHOW_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of text in memory of another owner. May contain any byte. */
struct text {
	const char *bytes;
	size_t len;
};

/* A struct text over a string; NULL becomes "". */
struct text text_of(const char *string);

/*
 * Read the UTF-8 character (The Unicode Standard 15, table 3-7) at the start of `bytes`. Returns
 * its length in bytes, 1 to 4, or 0 if the bytes are not valid.
 */
size_t text_decode(const char *bytes, size_t len, uint32_t *code);

/* True if all of the text is valid UTF-8. */
bool text_is_utf8(const char *bytes, size_t len);

/*
 * True if a terminal acts on the character, or it changes how others are shown: C0 and C1 controls,
 * DEL, line and paragraph separators, marks of direction, tags, zero-width characters.
 */
bool text_is_unsafe(uint32_t code);

/*
 * Append `text` in a form that is safe to show: unsafe characters become \n, \t, \r, \xHH or
 * \u{HEX}, invalid bytes become \xHH. Text above `max` columns is cut and ends with "...". Returns
 * the columns used, one for each character.
 */
size_t text_put_visible(struct buf *out, struct text text, size_t max);

/* The first place of `words` in `len` bytes, or NULL: strstr(3) without musl's 3 kB for it. */
char *text_find(const char *bytes, size_t len, const char *words);

#endif
