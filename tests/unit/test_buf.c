/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <criterion/criterion.h>
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
