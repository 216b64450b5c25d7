/* SPDX-License-Identifier: MIT */
#include "base/problem.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

/*
 * musl's words for ENOMEM are "Out of memory", which the host takes for the kernel's out-of-memory
 * killer when it reads them on the console.
 */
const char *problem_errno_text(int code)
{
	return code == ENOMEM ? "Cannot allocate memory" : strerror(code);
}

/* Start the description. Returns a buffer over the text, to add to. */
static struct buf describe(struct problem *p, int code, const char *format, va_list args)
{
	struct buf b;

	p->code = code;
	buf_init(&b, p->text, sizeof(p->text));
	buf_vprintf(&b, format, args);
	return b;
}

int problem_set(struct problem *p, int code, const char *format, ...)
{
	struct buf b;
	va_list args;

	va_start(args, format);
	b = describe(p, code, format, args);
	va_end(args);
	buf_printf(&b, ": %s", problem_errno_text(code));
	return -code;
}

int problem_set_text(struct problem *p, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	describe(p, code, format, args);
	va_end(args);
	return -code;
}

void problem_report(const struct reporter *to, const struct problem *p)
{
	to->take(to->context, p);
}
