/* SPDX-License-Identifier: MIT */
#include "probe/show/table.h"
#include "probe/show/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(probe_text, .timeout = 60);

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

static size_t encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

Test(probe_text, every_character_decodes)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		uint32_t got = 1;
		char bytes[4];
		size_t len = encode(code, bytes);

		cr_assert_eq(text_decode(bytes, len, &got), surrogate ? 0 : len, "U+%04X", code);
		if (!surrogate)
			cr_assert_eq(got, code);
		cr_assert(len == 1 || text_decode(bytes, len - 1, &got) == 0, "U+%04X cut", code);
	}
}

/* Whatever decodes is what an encoder makes: no overlong forms, nothing above U+10FFFF. */
Test(probe_text, only_characters_decode)
{
	for (uint32_t n = 0; n < 1u << 24; n++) {
		char bytes[4] = { (char)(n >> 16), (char)(n >> 8), (char)n, (char)0x80 }, again[4];
		uint32_t code;
		size_t len = text_decode(bytes, 4, &code);

		if (len == 0)
			continue;
		cr_assert_leq(code, 0x10ffff);
		cr_assert_eq(encode(code, again), len, "%06x", n);
		cr_assert_eq(memcmp(bytes, again, len), 0, "%06x", n);
	}
	cr_assert_not(text_is_utf8("\xf5\x80\x80\x80", 4));
	cr_assert_not(text_is_utf8("a\x80", 2));
	cr_assert(text_is_utf8("", 0));
	cr_assert(text_is_utf8("a\0b", 3));
}

/* ---- what is shown --------------------------------------------------------------------------- */

static const char *visible(struct text text, size_t max)
{
	static char storage[4096];
	struct buf b;

	buf_init(&b, storage, sizeof(storage));
	text_put_visible(&b, text, max);
	cr_assert_not(b.cut);
	return b.data;
}

Test(probe_text, dangerous_characters_are_shown_as_escapes)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "plain text, caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x99\x82",
			"plain text, caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x99\x82" },
		{ "a\nb\tc\rd", "a\\nb\\tc\\rd" },
		{ "\033]0;title\007\033[31m", "\\x1b]0;title\\x07\\x1b[31m" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x9b"
		  "31m",
			"\\u{9b}31m" },
		{ "\xe2\x80\xae"
		  "gpj.exe",
			"\\u{202e}gpj.exe" },
		{ "a\xe2\x80\x8b"
		  "b",
			"a\\u{200b}b" },
		{ "\xe2\x80\xa8", "\\u{2028}" },
		{ "\xef\xbb\xbf", "\\u{feff}" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}" },
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "C:\\x1b", "C:\\x1b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(visible(text_of(cases[i].text), 100), cases[i].shown);
	cr_assert_str_eq(visible((struct text){ "a\0b", 3 }, 100), "a\\x00b");
	cr_assert_str_empty(visible(text_of(NULL), 100));
}

Test(probe_text, long_text_is_cut_by_columns)
{
	cr_assert_str_eq(visible(text_of("abcdef"), 6), "abcdef");
	cr_assert_str_eq(visible(text_of("abcdefg"), 6), "abc...");
	cr_assert_str_eq(visible(text_of("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), 5),
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
	cr_assert_str_eq(visible(text_of("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), 5),
		"\xc3\xa9\xc3\xa9...");
	cr_assert_str_eq(visible(text_of("ab\033\033"), 6), "ab....", "an escape is not cut");
	cr_assert_str_eq(visible(text_of("abc"), 2), "..");
	cr_assert_str_empty(visible(text_of("abc"), 0));
}

/* Random bytes, mostly the awkward ones: what comes out is short, UTF-8 and harmless. */
Test(probe_text, nothing_dangerous_comes_through)
{
	static const unsigned char awkward[] = { 0, 7, 10, 27, '[', 'a', 0x7f, 0x80, 0x9b, 0xc2,
		0xc3, 0xe2, 0xa8, 0xae, 0xed, 0xa0, 0xef, 0xbb, 0xbf, 0xf3, 0xf4, 0x90, 0xff };
	unsigned int seed = 7;

	for (int i = 0; i < 100000; i++) {
		char bytes[40], storage[40 * 12];
		struct buf b = BUF_OVER(storage);
		size_t len, max, columns;

		for (len = 0; len < sizeof(bytes); len++) {
			seed = seed * 1103515245 + 12345;
			bytes[len] = (char)awkward[(seed >> 16) % sizeof(awkward)];
		}
		buf_clear(&b);
		max = (seed >> 8) % 60;
		columns = text_put_visible(&b, (struct text){ bytes, len }, max);
		cr_assert_leq(columns, max);
		for (size_t at = 0; at < b.len;) {
			uint32_t code;
			size_t n = text_decode(b.data + at, b.len - at, &code);

			cr_assert_neq(n, 0);
			cr_assert_not(text_is_unsafe(code));
			at += n;
		}
	}
}

/* ---- tables ---------------------------------------------------------------------------------- */

static char *printed(struct table *t, size_t indent)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	table_end(t, indent, out);
	fclose(out);
	return text;
}

Test(probe_text, columns_are_as_wide_as_their_cells)
{
	static const char *const heads[] = { "NAME", "N", "DETAIL" };
	struct table t;
	char *text;

	table_start(&t, heads, 3);
	table_text(&t, text_of("a name"), 40);
	table_printf(&t, "%d", 12345);
	table_text(&t, text_of("x\ny"), 40);
	table_text(&t, text_of("caf\xc3\xa9"), 40);
	table_printf(&t, "%s", "");
	table_text(&t, text_of("a long detail that is cut"), 10);
	table_text(&t, text_of("last"), 40);
	table_printf(&t, "%d", 1);
	table_text(&t, text_of(""), 10);
	text = printed(&t, 0);
	cr_assert_str_eq(text, "NAME    N      DETAIL\n"
			       "a name  12345  x\\ny\n"
			       "caf\xc3\xa9           a long ...\n"
			       "last    1\n");
	free(text);
}

Test(probe_text, a_table_without_heads)
{
	struct table t;
	char *text;

	table_start(&t, NULL, 2);
	table_printf(&t, "A");
	table_printf(&t, "1");
	table_printf(&t, "LONGER");
	table_printf(&t, "2");
	text = printed(&t, 2);
	cr_assert_str_eq(text, "  A       1\n  LONGER  2\n");
	free(text);
	table_start(&t, NULL, 3);
	text = printed(&t, 0);
	cr_assert_str_empty(text);
	free(text);
}
