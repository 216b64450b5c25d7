/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, char *storage, size_t size)
{
	*b = (struct buf){ .data = storage, .size = size };
	storage[0] = '\0';
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->cut = false;
	b->data[0] = '\0';
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
	if (len >= b->size - b->len) {
		b->cut = true;
		return;
	}
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	size_t room = b->size - b->len;
	int n = vsnprintf(b->data + b->len, room, format, args);

	if (n < 0 || (size_t)n >= room) {
		b->cut = true;
		b->len = n < 0 ? b->len : b->size - 1;
		b->data[b->len] = '\0';
		return;
	}
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}
