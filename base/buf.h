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

/* Append formatted text. What does not fit is left out, and `cut` is set. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

#endif
