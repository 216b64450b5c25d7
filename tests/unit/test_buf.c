/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(buf, starts_empty)
{
	char storage[8] = "garbage";
	struct buf b;

	buf_init(&b, storage, sizeof(storage));
	cr_assert_str_empty(b.data);
	cr_assert_eq(b.len, 0);
	cr_assert_not(b.cut);
}

Test(buf, puts_until_full_and_no_further)
{
	char storage[6];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_puts(&b, "ab");
	buf_puts(&b, "cde");
	cr_assert_str_eq(b.data, "abcde");
	cr_assert_not(b.cut, "five bytes and the terminator fit six");
	buf_puts(&b, "");
	cr_assert_not(b.cut, "nothing always fits");
	buf_puts(&b, "f");
	cr_assert(b.cut);
	cr_assert_str_eq(b.data, "abcde");
	cr_assert_eq(b.len, 5);
}

Test(buf, put_is_all_or_nothing)
{
	char storage[8];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_puts(&b, "abc");
	buf_puts(&b, "too long");
	cr_assert(b.cut);
	cr_assert_str_eq(b.data, "abc");
	buf_puts(&b, "defg");
	cr_assert_str_eq(b.data, "abcdefg", "what fits is still taken");
	cr_assert(b.cut, "the mark stays");
	buf_clear(&b);
	cr_assert_not(b.cut);
	cr_assert_str_empty(b.data);
}

Test(buf, takes_zero_bytes_within)
{
	char storage[8];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_put(&b, "a\0b", 3);
	cr_assert_eq(b.len, 3);
	cr_assert_arr_eq(b.data, "a\0b", 4);
}

Test(buf, one_byte_of_storage_holds_the_terminator_only)
{
	char storage[2] = { 'x', 'y' };
	struct buf b;

	buf_init(&b, storage, 1);
	buf_puts(&b, "a");
	buf_printf(&b, "%d", 1);
	cr_assert(b.cut);
	cr_assert_eq(b.len, 0);
	cr_assert_eq(storage[0], '\0');
	cr_assert_eq(storage[1], 'y', "never written past the storage");
}

Test(buf, a_huge_length_does_not_wrap)
{
	char storage[8];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_puts(&b, "ab");
	buf_put(&b, "x", (size_t)-1);
	cr_assert(b.cut);
	cr_assert_str_eq(b.data, "ab");
}

Test(buf, printf_leaves_out_what_does_not_fit)
{
	char storage[8];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	buf_printf(&b, "%s=%d", "abc", 123);
	cr_assert_str_eq(b.data, "abc=123");
	cr_assert_not(b.cut, "exactly full");
	buf_clear(&b);
	buf_printf(&b, "%s=%d", "abcd", 123);
	cr_assert_str_eq(b.data, "abcd=12");
	cr_assert_eq(b.len, 7);
	cr_assert(b.cut);
	buf_printf(&b, "more");
	cr_assert_eq(b.len, 7, "a full buffer stays as it is");
}

/* The C library is the reference for every conversion that buf_printf() has. */
#define SAME(...)                                                                                  \
	do {                                                                                       \
		char got[128], want[128];                                                          \
		size_t len = buf_format(got, sizeof(got), __VA_ARGS__);                            \
                                                                                                   \
		snprintf(want, sizeof(want), __VA_ARGS__);                                         \
		cr_expect_str_eq(got, want);                                                       \
		cr_expect_eq(len, strlen(want));                                                   \
	} while (0)

Test(buf, formats_like_the_c_library)
{
	SAME("%s", "text");
	SAME("[%s]", "");
	SAME("%8s|%2s", "right", "longer");
	SAME("%.3s|%.0s|%.9s", "abcdef", "abc", "abc");
	SAME("%.*s|%.*s|%.*s", 2, "abcdef", 0, "abc", -1, "abc");
	SAME("%8.2s|", "abc");
	SAME("%.3s", "abc\0def");
	SAME("%c%c|%%|%5d%%", 'a', 'b', 7);
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%u %x %X %o", 0u, 0u, 0u, 0u);
	SAME("%u %x %X %o", UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX);
	SAME("%5d|%5d|%05d|%05d|%1d", 42, -42, 42, -42, 12345);
	SAME("%08x|%4x|%03o|%2u", 0xbeefu, 0xau, 8u, 100u);
	SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld %llu %llo", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	SAME("%zu %zu", (size_t)0, SIZE_MAX);
	SAME("%s%d%s", "a", 1, "b");
	SAME("no conversion");
}

/* The text needs no NUL within the precision. */
Test(buf, a_precision_bounds_what_is_read)
{
	char *bytes = malloc(3), got[8];

	memcpy(bytes, "abc", 3);
	buf_format(got, sizeof(got), "%.*s", 3, bytes);
	cr_assert_str_eq(got, "abc");
	free(bytes);
}

Test(buf, format_tells_what_was_cut)
{
	char got[4];

	cr_assert_eq(buf_format(got, sizeof(got), "%s", "abc"), 3);
	cr_assert_eq(buf_format(got, sizeof(got), "%s", "abcd"), sizeof(got));
	cr_assert_str_eq(got, "abc");
	cr_assert_eq(buf_format(got, sizeof(got), "%d", 12345), sizeof(got));
	cr_assert_str_eq(got, "123");
	cr_assert_eq(buf_format(got, sizeof(got), "%9d", 1), sizeof(got));
	cr_assert_str_eq(got, "   ");
	cr_assert_eq(buf_format(got, 1, "%c", 'x'), 1);
	cr_assert_str_empty(got);
}
