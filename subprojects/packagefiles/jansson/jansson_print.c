/* SPDX-License-Identifier: MIT */
/* What jansson uses of snprintf(3), by the functions of the programs that it is linked with. */
#include "jansson_private_config.h"

#include <string.h>

/* base/buf.h and base/real.h */
size_t buf_vformat(char *storage, size_t size, const char *format, va_list args);
size_t real_format(char *storage, size_t size, unsigned int precision, double value);

int jansson_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
	return (int)buf_vformat(out, size, format, args);
}

int jansson_snprintf(char *out, size_t size, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	if (strcmp(format, "%.*g") == 0) {
		unsigned int precision = (unsigned int)va_arg(args, int);

		n = real_format(out, size, precision, va_arg(args, double));
	} else {
		/* "%p" makes a key of an address: any text that no other address has will do. */
		n = buf_vformat(out, size, strcmp(format, "%p") == 0 ? "%lx" : format, args);
	}
	va_end(args);
	return (int)n;
}
