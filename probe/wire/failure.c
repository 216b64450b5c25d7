/* SPDX-License-Identifier: MIT */
#include "probe/wire/failure.h"

#include "base/buf.h"

void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
{
	struct buf b;
	va_list args;

	if (f->kind != FAILURE_NONE)
		return;
	f->kind = kind;
	buf_init(&b, f->text, sizeof(f->text));
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
}

const char *failure_name(enum failure_kind kind)
{
	static const char *const names[FAILURE_KINDS] = {
		[FAILURE_NONE] = "none",
		[FAILURE_NO_SOCKET] = "no-socket",
		[FAILURE_NOT_SOCKET] = "not-a-socket",
		[FAILURE_DENIED] = "permission-denied",
		[FAILURE_REFUSED] = "refused",
		[FAILURE_NO_LISTENER] = "not-listening",
		[FAILURE_HANDSHAKE] = "bad-handshake",
		[FAILURE_CLOSED] = "closed",
		[FAILURE_TIMEOUT] = "timeout",
		[FAILURE_TOO_LARGE] = "too-large",
		[FAILURE_UNDECODABLE] = "undecodable",
		[FAILURE_ERROR_ANSWER] = "error-answer",
		[FAILURE_SYSTEM] = "system",
	};

	return names[kind];
}

enum exit_status failure_exit(enum failure_kind kind)
{
	if (kind == FAILURE_NONE)
		return EXIT_HEALTHY;
	return kind == FAILURE_ERROR_ANSWER ? EXIT_UNHEALTHY : EXIT_NO_ANSWER;
}

bool failure_is_final(enum failure_kind kind)
{
	return kind == FAILURE_NOT_SOCKET || kind == FAILURE_DENIED;
}
