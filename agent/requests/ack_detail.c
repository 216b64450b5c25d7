/* SPDX-License-Identifier: MIT */
#include "agent/requests/ack_detail.h"

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

char *ack_detail_text(const struct ack_detail *d)
{
	return d != NULL && d->b.len > 0 ? d->b.data : NULL;
}

void ack_detail_write(
	const struct ack_detail *d, struct buf *b, enum message_kind kind, bool success)
{
	message_encode(
		b, kind, &(struct ack_answer){ .success = success, .detail = ack_detail_text(d) });
}
