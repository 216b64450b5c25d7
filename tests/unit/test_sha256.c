/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const char *text, size_t times, size_t piece, const char *want)
{
	size_t len = strlen(text);
	char hex[SHA256_HEX_MAX];
	struct sha256 s;

	sha256_begin(&s);
	for (size_t i = 0; i < times; i++)
		for (size_t at = 0; at < len; at += piece)
			sha256_add(&s, text + at, piece < len - at ? piece : len - at);
	sha256_end(&s, hex);
	cr_expect_str_eq(hex, want);
}

/* The examples that NIST publishes for FIPS 180-4. */
Test(sha256, examples)
{
	expect("", 1, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect("abc", 1, 64, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, 7,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	expect("a", 1000000, 1, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
