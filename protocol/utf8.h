/* SPDX-License-Identifier: MIT */
/* Text from programs and to the host is UTF-8: make it so, and cut it only between characters. */
#ifndef PROTOCOL_UTF8_H
#define PROTOCOL_UTF8_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Bytes of the longest beginning of `text` (`len` bytes of UTF-8) that has at most `max` bytes and
 * does not end inside a character.
 */
size_t utf8_cut(const char *text, size_t len, size_t max);

/*
 * Bytes to leave out at the start of `text`, a piece from the middle of UTF-8 text, so that it does
 * not begin inside a character: 0 to 3.
 */
size_t utf8_skip_partial(const char *text, size_t len);

/*
 * Append `len` bytes to `b` as UTF-8. Every maximal part that is no character becomes U+FFFD
 * (Unicode 15, section 3.9, table 3-7 and "substitution of maximal subparts"). Ends with the last
 * character that fits, and sets `cut` when there were more.
 */
void utf8_put_lossy(struct buf *b, const char *bytes, size_t len);

#endif
