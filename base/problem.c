/* SPDX-License-Identifier: MIT */
#include "base/problem.h"

#include "base/buf.h"

#include <string.h>

int problem_set(struct problem *p, int code, const char *format, ...)
{
	struct buf b;
	va_list args;

	p->code = code;
	buf_init(&b, p->text, sizeof(p->text));
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
	if (b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	else
		buf_printf(&b, ": %s", strerror(code));
	return -code;
}
