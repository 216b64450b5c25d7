/* SPDX-License-Identifier: MIT */
#include "protocol/fields.h"
#include "protocol/json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct problem p;

/* ---- whole texts ----------------------------------------------------------------------------- */

static int check(const char *text)
{
	struct json value;

	return json_check(text, strlen(text), &value, &p);
}

Test(agent_json, strict_texts)
{
	static const char *const good[] = { "null", " true\n", "\t-0.5e3\r\n", "\"\\u00e4\\n\"",
		"[]", "{\"a\":[1,{\"b\":null}]}", "\"\\ud83d\\ude00\"", "18446744073709551615",
		"123456789012345678901234567890", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"\"",
		" \"Ping\"\n", "\"~ \x7f\"", "\"\xc3\xa4\"" };
	static const char *const bad[] = { "", "  ", "nul", "tru", "01", "1.", ".5", "+1", "--1",
		"'a'", "\"a", "\"\\x\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\xff\"", "\"\xc3\"",
		"\"\xed\xa0\x80\"", "\"a\nb\"", "[1,]", "[1", "{\"a\"}", "{\"a\":1,}", "{a:1}",
		"1 2", "null x", "]", "}", ",", ":", "\xef\xbb\xbf[]", "NaN", "[1}", "\"\\",
		"// c\n1", "\"", "\"a\" b", "\"a\"\"b\"", "\"a\"]", "\"a\tb\"", "\"a\\\"" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(check(good[i]), 0, "%s: %s", good[i], p.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.text[0] = '\0';
		cr_expect_eq(check(bad[i]), -EINVAL, "%s is accepted", bad[i]);
		cr_expect_neq(p.text[0], '\0');
	}
}

Test(agent_json, nesting_has_a_limit)
{
	char text[600] = "";
	struct json value;

	memset(text, '[', 127);
	memset(text + 127, ']', 127);
	cr_expect_eq(check(text), 0, "%s", p.text);
	cr_expect_eq(json_check(text, strlen(text), &value, &p), 0);
	cr_expect_eq(json_nesting(value), 127);
	memset(text, '[', 127);
	text[127] = '1';
	memset(text + 128, ']', 127);
	cr_expect_eq(check(text), 0, "%s", p.text);
	memset(text, '[', 128);
	memset(text + 128, ']', 128);
	cr_expect_eq(check(text), -EINVAL);
	cr_expect_not_null(strstr(p.text, "127"), "%s", p.text);
	cr_expect_eq(check("\"[[[[[[\""), 0);
}

Test(agent_json, raw_bytes_within_a_frame)
{
	struct json value;

	cr_expect_eq(json_check("\"a\0b\"", 5, &value, &p), -EINVAL);
	cr_expect_eq(json_check("1\0", 2, &value, &p), -EINVAL);
	cr_expect_eq(json_check("\0", 1, &value, &p), -EINVAL);
	/* Nothing behind the given length counts. */
	cr_expect_eq(json_check("12345", 2, &value, &p), 0);
	cr_expect_eq(value.len, 2);
	cr_expect_eq(json_check("\"ab\"cd", 4, &value, &p), 0);
}

Test(agent_json, an_error_names_its_place)
{
	cr_assert_eq(check("{\n  \"name\": oops\n}"), -EINVAL);
	cr_expect(strncmp(p.text, "line 2, column ", 15) == 0, "%s", p.text);
}

/* ---- values ---------------------------------------------------------------------------------- */

Test(agent_json, members_and_elements_are_walked)
{
	static const char text[] = " {\"a\" : [ 1 , \"x,]\" ,{}], \"b\\\"\":{\"c\":[]} } ";
	struct json value, key, element;
	struct json_walk w, inner;

	cr_assert_eq(json_check(text, strlen(text), &value, &p), 0);
	w = json_enter(value);
	cr_assert(json_member(&w, &key, &element));
	cr_assert(json_string_is(key, "a"));
	cr_assert_eq(json_kind(element), JSON_KIND_ARRAY);
	inner = json_enter(element);
	cr_assert(json_element(&inner, &element));
	cr_assert_eq(json_kind(element), JSON_KIND_NUMBER);
	cr_assert_eq(element.len, 1);
	cr_assert(json_element(&inner, &element));
	cr_assert(json_string_is(element, "x,]"));
	cr_assert(json_element(&inner, &element));
	cr_assert_eq(json_kind(element), JSON_KIND_OBJECT);
	cr_assert_not(json_element(&inner, &element));
	cr_assert(json_member(&w, &key, &element));
	cr_assert(json_string_is(key, "b\""));
	cr_assert_not(json_string_is(key, "b\\\""));
	cr_assert_eq(json_nesting(element), 2);
	cr_assert_not(json_member(&w, &key, &element));
}

static struct json value_of(const char *text)
{
	struct json value;

	cr_assert_eq(json_check(text, strlen(text), &value, &p), 0, "%s: %s", text, p.text);
	return value;
}

Test(agent_json, strings_are_decoded)
{
	size_t len;
	char *text;

	cr_assert_eq(
		json_decode_string(
			value_of("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\\u0000z\""),
			&text, &len),
		0);
	cr_assert_eq(len, 16);
	cr_assert_arr_eq(text, "\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x98\x80\0z", 17);
	free(text);
	cr_expect(json_string_is(value_of("\"P\\u0069ng\""), "Ping"));
	cr_expect_not(json_string_is(value_of("\"Ping\\u0000\""), "Ping"));
	cr_expect_not(json_string_is(value_of("\"Pin\""), "Ping"));
	cr_expect_not(json_string_is(value_of("\"Pings\""), "Ping"));
}

Test(agent_json, whole_numbers_are_read_as_written)
{
	uint64_t n = 0;

	cr_expect_eq(json_whole_number(value_of("0"), 9, &n), 0);
	cr_expect_eq(n, 0);
	cr_expect_eq(json_whole_number(value_of("18446744073709551615"), UINT64_MAX, &n), 0);
	cr_expect_eq(n, UINT64_MAX);
	cr_expect_eq(json_whole_number(value_of("18446744073709551616"), UINT64_MAX, &n), -ERANGE);
	cr_expect_eq(json_whole_number(value_of("10"), 9, &n), -ERANGE);
	cr_expect_eq(
		json_whole_number(value_of("1000000000000000000000000000000"), 9, &n), -ERANGE);
	cr_expect_eq(json_whole_number(value_of("30.0"), 99, &n), -EINVAL);
	cr_expect_eq(json_whole_number(value_of("3e1"), 99, &n), -EINVAL);
	cr_expect_eq(json_whole_number(value_of("-1"), 99, &n), -EINVAL);
	cr_expect_eq(json_whole_number(value_of("-0"), 99, &n), -EINVAL);
}

/* ---- writing --------------------------------------------------------------------------------- */

Test(agent_json, only_what_must_be_escaped_is)
{
	static const char text[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa4\xf0\x9f\x98\x80";
	static const char want[] =
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f \xc3\xa4\xf0\x9f\x98\x80\"";
	char out[128];
	struct buf b = BUF_OVER(out);

	buf_clear(&b);
	json_put_text(&b, text);
	cr_expect_str_eq(b.data, want);
	cr_expect_eq(json_string_size(text, strlen(text)), strlen(want));
	buf_clear(&b);
	json_put_string(&b, "a\0b", 3);
	json_put_text(&b, NULL);
	json_put_text(&b, "");
	cr_expect_str_eq(b.data, "\"a\\u0000b\"null\"\"");
}

Test(agent_json, a_string_that_does_not_fit_is_left_out_whole)
{
	char out[8];
	struct buf b = BUF_OVER(out);

	buf_clear(&b);
	json_put_text(&b, "12345");
	cr_expect_str_eq(b.data, "\"12345\"");
	buf_clear(&b);
	json_put_text(&b, "1234\n");
	cr_expect_str_eq(b.data, "");
	cr_expect(b.cut);
}

Test(agent_json, compact_form)
{
	char out[128];
	struct buf b = BUF_OVER(out);

	buf_clear(&b);
	json_put_compact(&b, value_of(" { \"a b\" : [ 1.50 , 1e3,\n\"\\\" x\" ] ,\t\"z\":{ } } "));
	cr_expect_str_eq(b.data, "{\"a b\":[1.50,1e3,\"\\\" x\"],\"z\":{}}");
}

/* ---- fields ---------------------------------------------------------------------------------- */

struct inner {
	uint64_t n;
};

struct outer {
	char *text;
	struct field_bytes bytes;
	bool flag, number_given;
	uint64_t number;
	double real;
	unsigned int choice;
	struct field_list strings, objects;
	struct inner object;
	char *json;
};

static const struct field inner_rows[] = {
	{ .name = "n",
		.type = FIELD_WHOLE,
		.flags = FIELD_REQUIRED,
		.max = 9,
		.offset = offsetof(struct inner, n) },
};
static const struct fields inner_fields = FIELDS_OF(inner_rows, struct inner);
static const char *const choices[] = { "low", "high", NULL };
static const struct field outer_rows[] = {
	{ .name = "text\0txt",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE | FIELD_ALIAS,
		.offset = offsetof(struct outer, text) },
	{ .name = "bytes", .type = FIELD_BYTES, .offset = offsetof(struct outer, bytes) },
	{ .name = "flag", .type = FIELD_BOOL, .offset = offsetof(struct outer, flag) },
	{ .name = "number",
		.type = FIELD_WHOLE,
		.flags = FIELD_NULLABLE,
		.max = 99,
		.offset = offsetof(struct outer, number),
		.given_offset = offsetof(struct outer, number_given) },
	{ .name = "real", .type = FIELD_REAL, .offset = offsetof(struct outer, real) },
	{ .name = "choice",
		.type = FIELD_CHOICE,
		.choices = choices,
		.offset = offsetof(struct outer, choice) },
	{ .name = "strings", .type = FIELD_STRINGS, .offset = offsetof(struct outer, strings) },
	{ .name = "objects",
		.type = FIELD_OBJECTS,
		.object = &inner_fields,
		.offset = offsetof(struct outer, objects) },
	{ .name = "object",
		.type = FIELD_OBJECT,
		.object = &inner_fields,
		.offset = offsetof(struct outer, object) },
	{ .name = "json", .type = FIELD_JSON, .offset = offsetof(struct outer, json) },
};
static const struct fields outer_fields = FIELDS_OF(outer_rows, struct outer);

static int decode(const char *text, struct outer *o)
{
	*o = (struct outer){ .number = 7, .choice = 1 };
	p = (struct problem){ 0 };
	return fields_decode(&outer_fields, text, value_of(text), o, &p);
}

Test(agent_json, all_types_of_fields)
{
	struct outer o;
	int err =
		decode("{\"text\":\"t\",\"bytes\":\"a\\u0000b\",\"flag\":true,\"number\":99,"
		       "\"real\":2,\"choice\":\"low\",\"strings\":[\"x\",\"\"],\"unknown\":[1,{}],"
		       "\"objects\":[{\"n\":1},{\"n\":2,\"m\":3}],\"object\":{\"n\":3},"
		       "\"json\":{ \"k\" : null }}",
			&o);

	cr_assert_eq(err, 0, "%s", p.text);
	cr_expect_str_eq(o.text, "t");
	cr_expect_eq(o.bytes.len, 3);
	cr_expect_arr_eq(o.bytes.data, "a\0b", 4);
	cr_expect(o.flag);
	cr_expect(o.number_given);
	cr_expect_eq(o.number, 99);
	cr_expect_eq(o.real, 2.0);
	cr_expect_eq(o.choice, 0);
	cr_expect_eq(o.strings.count, 2);
	cr_expect_str_eq(((char **)o.strings.items)[0], "x");
	cr_expect_eq(o.objects.count, 2);
	cr_expect_eq(((struct inner *)o.objects.items)[1].n, 2);
	cr_expect_eq(o.object.n, 3);
	cr_expect_str_eq(o.json, "{\"k\":null}");
	fields_free(&outer_fields, &o);
	cr_expect_null(o.text);
	cr_expect_eq(o.objects.count, 0);
}

Test(agent_json, absent_and_null_leave_the_default)
{
	struct outer o;

	cr_assert_eq(decode("{\"text\":null,\"number\":null,\"json\":null}", &o), 0, "%s", p.text);
	cr_expect_null(o.text);
	cr_expect_eq(o.number, 7);
	cr_expect_not(o.number_given);
	cr_expect_eq(o.choice, 1);
	cr_expect_str_eq(o.json, "null");
	fields_free(&outer_fields, &o);
}

Test(agent_json, bad_fields_are_named)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "[]", "line 1, column 1: expected an object" },
		{ "{}", "line 1, column 1: 'text' is missing" },
		{ "{\"text\":1}", "line 1, column 9: 'text' must be a string" },
		{ "{\"text\":\"a\",\n \"txt\":\"b\"}", "line 2, column 2: 'text' is given twice" },
		{ "{\"text\":\"a\",\"t\\u0065xt\":\"b\"}",
			"line 1, column 13: 'text' is given twice" },
		{ "{\"text\":\"\\u0000\"}",
			"line 1, column 9: 'text' must be a string without \\u0000" },
		{ "{\"text\":\"a\",\"flag\":null}", "line 1, column 20: 'flag' must not be null" },
		{ "{\"text\":\"a\",\"flag\":1}",
			"line 1, column 20: 'flag' must be true or false" },
		{ "{\"text\":\"a\",\"number\":5.5}",
			"line 1, column 22: 'number' must be a whole number" },
		{ "{\"text\":\"a\",\"number\":\"5\"}",
			"line 1, column 22: 'number' must be a whole number" },
		{ "{\"text\":\"a\",\"number\":100}", "line 1, column 22: 'number' is above 99" },
		{ "{\"text\":\"a\",\"real\":\"1\"}", "line 1, column 20: 'real' must be a number" },
		{ "{\"text\":\"a\",\"choice\":\"LOW\"}",
			"line 1, column 22: 'choice' must be \"low\" or \"high\"" },
		{ "{\"text\":\"a\",\"choice\":0}",
			"line 1, column 22: 'choice' must be \"low\" or \"high\"" },
		{ "{\"text\":\"a\",\"strings\":\"x\"}",
			"line 1, column 23: 'strings' must be an array" },
		{ "{\"text\":\"a\",\"strings\":[\"x\",1]}",
			"line 1, column 28: 'strings' must be an array of strings" },
		{ "{\"text\":\"a\",\"objects\":[{\"n\":1},{}]}",
			"line 1, column 32: 'n' is missing" },
		{ "{\"text\":\"a\",\"object\":3}", "line 1, column 22: expected an object" },
		{ "{\"text\":\"\xc3\xa4\",\"flag\":2}",
			"line 1, column 20: 'flag' must be true or false" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outer o;

		cr_expect_eq(decode(rows[i].text, &o), -EINVAL, "%s", rows[i].text);
		cr_expect_str_eq(p.text, rows[i].problem, "%s: %s", rows[i].text, p.text);
		fields_free(&outer_fields, &o);
	}
}

Test(agent_json, unknown_fields_may_be_anything)
{
	struct outer o;

	cr_assert_eq(
		decode("{\"x\":1,\"x\":2,\"text\":\"a\",\"y\":{\"k\":1,\"k\":[]},\"Text\":3}", &o),
		0, "%s", p.text);
	fields_free(&outer_fields, &o);
}

Test(agent_json, lists_have_a_limit)
{
	char text[4 * FIELDS_LIST_MAX] = "{\"text\":null,\"strings\":[\"\"";
	struct outer o;

	for (int i = 0; i < FIELDS_LIST_MAX; i++)
		strcat(text, ",\"\"");
	strcat(text, "]}");
	cr_expect_eq(decode(text, &o), -EINVAL);
	cr_expect_not_null(strstr(p.text, "more than 4096"), "%s", p.text);
	fields_free(&outer_fields, &o);
}
