/* SPDX-License-Identifier: MIT */
#include "agent/detail.h"

#include "agent/json.h"
#include "agent/utf8.h"

#include <stdarg.h>

void detail_init(struct detail *d)
{
	buf_init(&d->b, d->text, sizeof(d->text));
	d->failed = false;
}

void detail_add(struct detail *d, const char *format, ...)
{
	va_list args;

	if (d->b.len > 0)
		buf_puts(&d->b, "; ");
	va_start(args, format);
	buf_vprintf(&d->b, format, args);
	va_end(args);
}

void detail_write(const struct detail *d, struct buf *b)
{
	char clean[DETAIL_MAX];
	struct buf text = BUF_OVER(clean);

	buf_clear(&text);
	utf8_put_lossy(&text, d->b.data, d->b.len);
	if (text.len == 0)
		buf_puts(b, "null");
	else
		json_put_string(b, text.data, text.len);
}
