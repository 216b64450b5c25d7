/* SPDX-License-Identifier: MIT */
#include "agent/requests/ack_detail.h"

#include "protocol/json.h"
#include "protocol/utf8.h"

#include <stdarg.h>

void ack_detail_init(struct ack_detail *d)
{
	buf_init(&d->b, d->text, sizeof(d->text));
	d->failed = false;
}

void ack_detail_add(struct ack_detail *d, const char *format, ...)
{
	va_list args;

	if (d->b.len > 0)
		buf_puts(&d->b, "; ");
	va_start(args, format);
	buf_vprintf(&d->b, format, args);
	va_end(args);
}

void ack_detail_write(const struct ack_detail *d, struct buf *b)
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
