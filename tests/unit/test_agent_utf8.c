/* SPDX-License-Identifier: MIT */
#include "agent/checks/console_text.h"
#include "protocol/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

#define R "\xef\xbf\xbd" /* U+FFFD */

Test(agent_utf8, cuts_stand_between_characters)
{
	static const char text[] =
		"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1, 2, 3, 4, 1 bytes */
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	for (size_t max = 0; max < sizeof(want) / sizeof(want[0]); max++)
		cr_expect_eq(utf8_cut(text, 11, max), want[max], "%zu: %zu", max,
			utf8_cut(text, 11, max));
}

Test(agent_utf8, a_partial_character_at_the_start_is_skipped)
{
	cr_expect_eq(utf8_skip_partial("abc", 3), 0);
	cr_expect_eq(utf8_skip_partial("\x82\xac z", 4), 2);
	cr_expect_eq(utf8_skip_partial("\x9f\x98\x80z", 4), 3);
	cr_expect_eq(utf8_skip_partial("\x80", 1), 1);
	cr_expect_eq(utf8_skip_partial("", 0), 0);
	cr_expect_eq(utf8_skip_partial("\x80\x80\x80\x80\x80", 5), 3);
}

static const struct {
	const char *bytes, *want;
} lossy[] = {
	{ "", "" },
	{ "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		"plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\xff", R },
	{ "a\x80z", "a" R "z" },
	{ "\xc3", R },
	{ "\xc3(", R "(" },
	{ "\xe2\x82", R },      /* the end of the text within a character: one */
	{ "\xe2\x82(", R "(" }, /* a maximal part: one */
	{ "\xe2(\xa1", R "(" R },
	{ "\xf0\x9f\x98", R },
	{ "\xc0\xaf", R R }, /* over-long: neither byte can begin a character */
	{ "\xe0\x80\xaf", R R R },
	{ "\xed\xa0\x80", R R R },       /* a surrogate */
	{ "\xf4\x90\x80\x80", R R R R }, /* above U+10FFFF */
	{ "\xf5\x80", R R },
	{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" },
	{ "\xf0\x90\x80\x80\xe0\xa0\x80", "\xf0\x90\x80\x80\xe0\xa0\x80" },
	{ "\xf0\x8f\x80\x80", R R R R },
};

Test(agent_utf8, what_is_no_character_is_replaced)
{
	for (size_t i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++) {
		char out[64];
		struct buf b = BUF_OVER(out);

		buf_clear(&b);
		utf8_put_lossy(&b, lossy[i].bytes, strlen(lossy[i].bytes));
		cr_expect_str_eq(b.data, lossy[i].want, "row %zu: '%s'", i, b.data);
		cr_expect_not(b.cut);
	}
}

Test(agent_utf8, nul_is_a_character_and_room_is_respected)
{
	char out[5];
	struct buf b = BUF_OVER(out);

	buf_clear(&b);
	utf8_put_lossy(&b, "a\0b", 3);
	cr_expect_eq(b.len, 3);
	cr_expect_arr_eq(b.data, "a\0b", 4);
	buf_clear(&b);
	utf8_put_lossy(&b, "ab\xe2\x82\xac", 5);
	cr_expect_str_eq(b.data, "ab");
	cr_expect(b.cut);
}

Test(agent_utf8, the_console_cannot_be_made_to_look_like_a_crash)
{
	static const char *const phrases[] = { "Kernel panic", "Out of memory", "Killed process",
		"BUG:", "Call Trace:", "oom-kill:", "invoked oom-killer" };
	char text[256] = "", out[256];

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		strcat(text, phrases[i]);
		strcat(text, " x ");
		strcat(text, phrases[i]);
	}
	console_text(text, out, sizeof(out));
	cr_expect_eq(strlen(out), strlen(text));
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		cr_expect_null(strstr(out, phrases[i]), "%s", out);
	cr_expect_not_null(strstr(out, "Out_of memory"));
	cr_expect_str_eq(
		console_text("connection refused", out, sizeof(out)), "connection refused");
	cr_expect_str_eq(console_text("ab\xe2\x82\xac", out, 5), "ab");
}
