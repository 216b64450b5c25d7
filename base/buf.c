/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

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

/* One conversion of a format: "%[0][width][.precision][length]letter". */
struct conversion {
	bool zeros, has_precision, precision_is_argument;
	unsigned int width, precision;
	unsigned int longs; /* how many l; size_t's z counts as one */
	char letter;
};

static void put_char(struct buf *b, char c)
{
	if (b->len + 1 >= b->size) {
		b->cut = true;
		return;
	}
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

static void put_text(struct buf *b, const char *text, size_t len)
{
	size_t room = b->size - b->len - 1;

	if (len > room) {
		b->cut = true;
		len = room;
	}
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static void put_number(struct buf *b, const struct conversion *c, bool negative,
	unsigned long long n, unsigned int base)
{
	char digits[24];
	unsigned int count = 0;

	do
		digits[sizeof(digits) - ++count] =
			(c->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[n % base];
	while ((n /= base) > 0);
	if (negative && c->zeros)
		put_char(b, '-');
	for (unsigned int i = count + negative; i < c->width; i++)
		put_char(b, c->zeros ? '0' : ' ');
	if (negative && !c->zeros)
		put_char(b, '-');
	put_text(b, digits + sizeof(digits) - count, count);
}

/* Read the part between '%' and the letter. Returns the position of the letter. */
static const char *read_conversion(const char *at, struct conversion *c)
{
	*c = (struct conversion){ 0 };
	if (*at == '0') {
		c->zeros = true;
		at++;
	}
	for (; *at >= '0' && *at <= '9'; at++)
		c->width = c->width * 10 + (unsigned int)(*at - '0');
	if (*at == '.') {
		c->has_precision = true;
		if (*++at == '*') {
			c->precision_is_argument = true;
			at++;
		}
		for (; *at >= '0' && *at <= '9'; at++)
			c->precision = c->precision * 10 + (unsigned int)(*at - '0');
	}
	for (; *at == 'l' || *at == 'z'; at++)
		c->longs++;
	c->letter = *at;
	return at;
}

/* A va_list can be passed by pointer only inside a struct. */
struct arguments {
	va_list list;
};

static void put_string(struct buf *b, const struct conversion *c, struct arguments *args)
{
	unsigned int precision =
		c->precision_is_argument ? (unsigned int)va_arg(args->list, int) : c->precision;
	const char *text = va_arg(args->list, const char *);
	size_t len = c->has_precision ? strnlen(text, precision) : strlen(text);

	for (size_t i = len; i < c->width; i++)
		put_char(b, ' ');
	put_text(b, text, len);
}

static void put_conversion(struct buf *b, const struct conversion *c, struct arguments *args)
{
	long long n;

	switch (c->letter) {
	case 's':
		put_string(b, c, args);
		break;
	case 'c':
		put_char(b, (char)va_arg(args->list, int));
		break;
	case 'd':
		n = c->longs > 1    ? va_arg(args->list, long long)
		    : c->longs == 1 ? va_arg(args->list, long)
				    : va_arg(args->list, int);
		put_number(b, c, n < 0, n < 0 ? -(unsigned long long)n : (unsigned long long)n, 10);
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		n = c->longs > 1    ? (long long)va_arg(args->list, unsigned long long)
		    : c->longs == 1 ? (long long)va_arg(args->list, unsigned long)
				    : (long long)va_arg(args->list, unsigned int);
		put_number(b, c, false, (unsigned long long)n,
			c->letter == 'u'   ? 10
			: c->letter == 'o' ? 8
					   : 16);
		break;
	default: /* '%', and any conversion that is not in the list of buf.h */
		put_char(b, c->letter);
		break;
	}
}

void buf_vprintf(struct buf *b, const char *format, va_list list)
{
	struct arguments args;

	va_copy(args.list, list);
	for (; *format != '\0'; format++) {
		struct conversion c;
		size_t plain = strcspn(format, "%");

		put_text(b, format, plain);
		format += plain;
		if (*format == '\0')
			break;
		format = read_conversion(format + 1, &c);
		if (c.letter == '\0')
			break;
		put_conversion(b, &c, &args);
	}
	va_end(args.list);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

size_t buf_vformat(char *storage, size_t size, const char *format, va_list args)
{
	struct buf b;

	buf_init(&b, storage, size);
	buf_vprintf(&b, format, args);
	return b.cut ? size : b.len;
}

size_t buf_format(char *storage, size_t size, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	n = buf_vformat(storage, size, format, args);
	va_end(args);
	return n;
}
