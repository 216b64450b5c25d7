/* SPDX-License-Identifier: MIT */
#include "probe/show/out.h"

#include "base/buf.h"
#include "probe/memory.h"

#include <stdlib.h>

size_t out_printf(FILE *out, const char *format, ...)
{
	char usual[512] = "", *room = NULL;
	size_t size = sizeof(usual), len;
	va_list args;

	for (;; size *= 4) {
		va_start(args, format);
		len = buf_vformat(room != NULL ? room : usual, size, format, args);
		va_end(args);
		if (len < size)
			break;
		room = memory_resize(room, 4 * size, 1);
	}
	fwrite(room != NULL ? room : usual, 1, len, out);
	free(room);
	return len;
}

void out_pad(FILE *out, size_t count)
{
	while (count-- > 0)
		fputc(' ', out);
}
