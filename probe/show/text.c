/* SPDX-License-Identifier: MIT */
#include "probe/show/text.h"

#include <string.h>

struct text text_of(const char *string)
{
	return (struct text){ string == NULL ? "" : string, string == NULL ? 0 : strlen(string) };
}

/* The first byte gives the length. For some, it limits the range of the second byte. */
static size_t sequence_length(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0) {
		if (first == 0xe0)
			*low = 0xa0; /* below: overlong */
		if (first == 0xed)
			*high = 0x9f; /* above: a surrogate */
		return 3;
	}
	if (first == 0xf0)
		*low = 0x90;
	if (first == 0xf4)
		*high = 0x8f; /* above: beyond U+10FFFF */
	return 4;
}

size_t text_decode(const char *bytes, size_t len, uint32_t *code)
{
	static const unsigned char mask[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *at = (const unsigned char *)bytes;
	unsigned char low, high;
	size_t n = len == 0 ? 0 : sequence_length(at[0], &low, &high);

	if (n == 0 || n > len)
		return 0;
	*code = at[0] & mask[n];
	for (size_t i = 1; i < n; i++) {
		if (at[i] < low || at[i] > high)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool text_is_utf8(const char *bytes, size_t len)
{
	while (len > 0) {
		uint32_t code;
		size_t n = text_decode(bytes, len, &code);

		if (n == 0)
			return false;
		bytes += n;
		len -= n;
	}
	return true;
}

bool text_is_unsafe(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0000, 0x001f },   /* C0 controls */
		{ 0x007f, 0x009f },   /* DEL, C1 controls */
		{ 0x00ad, 0x00ad },   /* soft hyphen */
		{ 0x061c, 0x061c },   /* Arabic letter mark */
		{ 0x200b, 0x200f },   /* zero-width space and joiners, marks of direction */
		{ 0x2028, 0x202e },   /* separators, embeddings and overrides of direction */
		{ 0x2060, 0x206f },   /* word joiner, isolates, deprecated format characters */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xfff9, 0xfffb },   /* interlinear annotation */
		{ 0xe0000, 0xe0fff }, /* tags and more variation selectors */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Take the first character of `text` in its visible form. */
static void take_visible(struct text *text, struct buf *piece)
{
	uint32_t code = 0;
	size_t n = text_decode(text->bytes, text->len, &code);

	buf_clear(piece);
	if (n == 0) {
		n = 1;
		buf_printf(piece, "\\x%02x", (unsigned int)(unsigned char)text->bytes[0]);
	} else if (code == '\n' || code == '\t' || code == '\r') {
		buf_printf(piece, "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
	} else if (text_is_unsafe(code)) {
		buf_printf(piece, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
	} else {
		buf_put(piece, text->bytes, n);
	}
	text->bytes += n;
	text->len -= n;
}

/* An escape is ASCII: one column for each byte. Any other piece is one character, one column. */
static size_t columns_of(const struct buf *piece)
{
	return (unsigned char)piece->data[0] < 0x80 ? piece->len : 1;
}

/* Columns of the whole text, counted up to a little over `limit`. */
static size_t count_columns(struct text text, size_t limit)
{
	char storage[16];
	struct buf piece = BUF_OVER(storage);
	size_t columns = 0;

	while (text.len > 0 && columns <= limit) {
		take_visible(&text, &piece);
		columns += columns_of(&piece);
	}
	return columns;
}

size_t text_put_visible(struct buf *out, struct text text, size_t max)
{
	char storage[16];
	struct buf piece = BUF_OVER(storage);
	bool cut = count_columns(text, max) > max;
	size_t columns = 0, room = cut ? max - (max < 3 ? max : 3) : max;

	while (text.len > 0) {
		take_visible(&text, &piece);
		if (columns + columns_of(&piece) > room)
			break;
		columns += columns_of(&piece);
		buf_put(out, piece.data, piece.len);
	}
	for (; cut && columns < max; columns++)
		buf_puts(out, ".");
	return columns;
}

char *text_find(const char *bytes, size_t len, const char *words)
{
	size_t n = strlen(words);

	for (; len >= n; bytes++, len--)
		if (memcmp(bytes, words, n) == 0)
			return (char *)(uintptr_t)bytes;
	return NULL;
}
