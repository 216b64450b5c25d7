/* SPDX-License-Identifier: MIT */
/* A bounded text or byte buffer over storage that the caller owns. Nothing is ever written past it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;  /* the caller's storage; always NUL-terminated */
	size_t size; /* bytes of storage, the terminator included; at least 1 */
	size_t len;  /* bytes used, without the terminator */
	bool cut;    /* something did not fit and was left out */
};

/* A struct buf over the array `array`. */
#define BUF_OVER(array)                                                                            \
	{                                                                                          \
		.data = (array), .size = sizeof(array)                                             \
	}

/* Start an empty buffer over `size` bytes at `storage`; size must be at least 1. */
void buf_init(struct buf *b, char *storage, size_t size);

/* Forget the contents and the cut mark. */
void buf_clear(struct buf *b);

/* Append `len` bytes. All or nothing: when they do not fit, `cut` is set and nothing is added. */
void buf_put(struct buf *b, const void *bytes, size_t len);

/* Append a string, all or nothing. */
void buf_puts(struct buf *b, const char *text);

/*
 * Append formatted text. What does not fit is left out, and `cut` is set. The conversions are those
 * of printf(3) that we need: %s %.Ns %.*s %c %d %u %x %X %o with width, 0 and the lengths l, ll
 * and z; the C library's own would add floating point and stdio to the program, an eighth of its
 * size.
 */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

/*
 * Format into `storage` of `size` bytes, by the rules of buf_printf(). Returns the length of the
 * text, or `size` when it was cut.
 */
size_t buf_format(char *storage, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t buf_vformat(char *storage, size_t size, const char *format, va_list args);

#endif
