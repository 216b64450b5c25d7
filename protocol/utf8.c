/* SPDX-License-Identifier: MIT */
#include "protocol/utf8.h"

#include <stdbool.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && is_continuation(text[max]))
		max--;
	return max;
}

size_t utf8_skip_partial(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && n < 3 && is_continuation(text[n]))
		n++;
	return n;
}

/* Well-formed sequences by their lead byte (The Unicode Standard 15, table 3-7). */
struct lead {
	unsigned char first, last; /* range of lead bytes */
	unsigned char more;        /* number of continuation bytes */
	unsigned char low, high;   /* range of the first of these; the others are 80..BF */
};

static const struct lead leads[] = {
	{ 0x00, 0x7f, 0, 0x00, 0x00 },
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },
};

static const struct lead *find_lead(unsigned char c)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	return NULL;
}

/* Bytes of the character at `at`; if `valid` is false, bytes that one U+FFFD replaces. */
static size_t step(const unsigned char *at, size_t len, bool *valid)
{
	const struct lead *lead = find_lead(at[0]);
	size_t n = 1;

	*valid = false;
	if (lead == NULL)
		return 1;
	for (; n <= lead->more; n++) {
		unsigned char low = n == 1 ? lead->low : 0x80, high = n == 1 ? lead->high : 0xbf;

		if (n == len || at[n] < low || at[n] > high)
			return n;
	}
	*valid = true;
	return n;
}

size_t utf8_span(const char *bytes, size_t len, size_t *bad)
{
	size_t good = 0;

	*bad = 0;
	while (good < len && *bad == 0) {
		bool valid;
		size_t n = step((const unsigned char *)bytes + good, len - good, &valid);

		if (valid)
			good += n;
		else
			*bad = n;
	}
	return good;
}

void utf8_put_lossy(struct buf *b, const char *bytes, size_t len)
{
	while (len > 0 && !b->cut) {
		bool valid;
		size_t n = step((const unsigned char *)bytes, len, &valid);

		if (valid)
			buf_put(b, bytes, n);
		else
			buf_puts(b, UTF8_REPLACEMENT);
		bytes += n;
		len -= n;
	}
}
