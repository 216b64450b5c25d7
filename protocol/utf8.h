/* SPDX-License-Identifier: MIT */
/* Make text valid UTF-8, and cut it only between characters. */
#ifndef PROTOCOL_UTF8_H
#define PROTOCOL_UTF8_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Length of the longest start of `text` (`len` bytes of UTF-8) that has at most `max` bytes and
 * does not end inside a character.
 */
size_t utf8_cut(const char *text, size_t len, size_t max);

/*
 * How many bytes to drop from the start of `text`, which was cut out of UTF-8 text, so that it does
 * not begin inside a character: 0 to 3.
 */
size_t utf8_skip_partial(const char *text, size_t len);

/*
 * Length of the valid UTF-8 at the start of `bytes`. `bad` becomes the number of bytes after that
 * which one U+FFFD replaces (as in utf8_put_lossy()); 0 at the end of the text.
 */
size_t utf8_span(const char *bytes, size_t len, size_t *bad);

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * Append `len` bytes to `b` as UTF-8. Each maximal ill-formed part becomes one U+FFFD (The Unicode
 * Standard 15, section 3.9, table 3-7 and "substitution of maximal subparts"). Stops at the last
 * character that fits, and then sets `cut`.
 */
void utf8_put_lossy(struct buf *b, const char *bytes, size_t len);

#endif
