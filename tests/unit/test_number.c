/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <criterion/criterion.h>
#include <errno.h>

#define UNTOUCHED 4711

struct row {
	const char *text;
	uint64_t max;
	int err;
	uint64_t value;
};

typedef int parser(const char *text, uint64_t max, uint64_t *value);

static void check(parser *parse, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		uint64_t value = UNTOUCHED;
		int err = parse(r->text, r->max, &value);

		cr_expect_eq(err, r->err, "'%s' with max %llu: %d, not %d", r->text,
			(unsigned long long)r->max, err, r->err);
		cr_expect_eq(value, r->err == 0 ? r->value : UNTOUCHED, "'%s' gave %llu", r->text,
			(unsigned long long)value);
	}
}

#define CHECK(parse, rows) check(parse, rows, sizeof(rows) / sizeof((rows)[0]))

Test(number, decimal)
{
	static const struct row rows[] = {
		{ "0", 0, 0, 0 }, { "7", 10, 0, 7 }, { "10", 10, 0, 10 }, { "007", 10, 0, 7 },
		{ "11", 10, -ERANGE, 0 }, { "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709551620", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999", UINT64_MAX, -ERANGE, 0 }, { "", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 }, { "1 ", 10, -EINVAL, 0 }, { "+1", 10, -EINVAL, 0 },
		{ "-1", 10, -EINVAL, 0 }, { "1.0", 10, -EINVAL, 0 }, { "0x10", 100, -EINVAL, 0 },
		{ "1a", 10, -EINVAL, 0 }, { "a", 10, -EINVAL, 0 },
		{ "99999999999999999999x", UINT64_MAX, -EINVAL, 0 },
		{ "\xd9\xa1", 10, -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
	};

	CHECK(number_parse, rows);
}

Test(number, octal)
{
	static const struct row rows[] = {
		{ "027", 0777, 0, 027 },
		{ "0", 0777, 0, 0 },
		{ "777", 0777, 0, 0777 },
		{ "1000", 0777, -ERANGE, 0 },
		{ "8", 0777, -EINVAL, 0 },
		{ "78", 0777, -EINVAL, 0 },
		{ "", 0777, -EINVAL, 0 },
		{ "-7", 0777, -EINVAL, 0 },
	};

	CHECK(number_parse_octal, rows);
}

Test(number, size)
{
	static const struct row rows[] = {
		{ "0", 0, 0, 0 },
		{ "512", 1024, 0, 512 },
		{ "1K", 1024, 0, 1024 },
		{ "1K", 1023, -ERANGE, 0 },
		{ "64M", UINT64_MAX, 0, 64ull << 20 },
		{ "3G", UINT64_MAX, 0, 3ull << 30 },
		{ "2T", UINT64_MAX, 0, 2ull << 40 },
		{ "16777215T", UINT64_MAX, 0, 16777215ull << 40 },
		{ "16777216T", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999K", UINT64_MAX, -ERANGE, 0 },
		{ "K", 1024, -EINVAL, 0 },
		{ "", 1024, -EINVAL, 0 },
		{ "1k", 1024, -EINVAL, 0 },
		{ "1KB", UINT64_MAX, -EINVAL, 0 },
		{ "1 K", UINT64_MAX, -EINVAL, 0 },
		{ "1.5K", UINT64_MAX, -EINVAL, 0 },
		{ "1P", UINT64_MAX, -EINVAL, 0 },
		{ "-1K", UINT64_MAX, -EINVAL, 0 },
	};

	CHECK(number_parse_size, rows);
}

Test(number, span)
{
	static const struct row rows[] = {
		{ "0", 0, 0, 0 },
		{ "10", UINT64_MAX, 0, 10000 },
		{ "10s", UINT64_MAX, 0, 10000 },
		{ "500ms", 500, 0, 500 },
		{ "501ms", 500, -ERANGE, 0 },
		{ "2min", UINT64_MAX, 0, 120000 },
		{ "1h", UINT64_MAX, 0, 3600000 },
		{ "1d", UINT64_MAX, 0, 86400000 },
		{ "0.5s", UINT64_MAX, 0, 500 },
		{ "0.5", UINT64_MAX, 0, 500 },
		{ "1.25", UINT64_MAX, 0, 1250 },
		{ "1.2345s", UINT64_MAX, 0, 1234 },
		{ "0.05h", UINT64_MAX, 0, 180000 },
		{ "1.9ms", UINT64_MAX, 0, 1 },
		{ "0.6s", 500, -ERANGE, 0 },
		{ "1.001s", 1000, -ERANGE, 0 },
		{ "18446744073709551s", UINT64_MAX, 0, 18446744073709551000ull },
		{ "18446744073709551.615s", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551.616s", UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709552s", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999ms", UINT64_MAX, -ERANGE, 0 },
		{ "", UINT64_MAX, -EINVAL, 0 },
		{ "s", UINT64_MAX, -EINVAL, 0 },
		{ ".5s", UINT64_MAX, -EINVAL, 0 },
		{ "1.s", UINT64_MAX, -EINVAL, 0 },
		{ "1 s", UINT64_MAX, -EINVAL, 0 },
		{ "1m", UINT64_MAX, -EINVAL, 0 },
		{ "1S", UINT64_MAX, -EINVAL, 0 },
		{ "1min30s", UINT64_MAX, -EINVAL, 0 },
		{ "-1s", UINT64_MAX, -EINVAL, 0 },
		{ "1e3", UINT64_MAX, -EINVAL, 0 },
	};

	CHECK(number_parse_span, rows);
}
