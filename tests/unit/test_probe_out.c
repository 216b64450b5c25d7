/* SPDX-License-Identifier: MIT */
/* Formatted output of any length, and JSON with the numbers that jansson prints by our functions.
 */
#include "probe/show/out.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

Test(probe_out, texts_of_any_length)
{
	for (size_t len = 0; len < 5000; len += 1 + len / 7) {
		char *text = NULL, *word = calloc(1, len + 1);
		size_t size, n;
		FILE *out = open_memstream(&text, &size);

		memset(word, 'x', len);
		n = out_printf(out, "<%s %u>", word, 7U);
		out_pad(out, 3);
		fclose(out);
		cr_expect_eq(n, len + 4);
		cr_assert_eq(size, len + 7);
		cr_expect_eq(strspn(text + 1, "x"), len);
		cr_expect_str_eq(text + 1 + len, " 7>   ");
		free(word);
		free(text);
	}
}

Test(probe_out, json)
{
	static const char *const texts[] = {
		"[0.5,-1.0,1e22,1.0000000000000001e300,9.9999999999999995e-8]",
		"[9223372036854775807,-9223372036854775808,0]", "{\"a\":[{\"b\":[[]]}]}",
		"\"\\u001B\\u0000\\b\""
	};
	json_error_t error;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = json_loads(texts[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
		char *again = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		cr_expect_str_eq(again, texts[i]);
		free(again);
		json_decref(value);
	}
	cr_expect_null(json_loads("\"\\uD800\\uABCD\"", JSON_DECODE_ANY, &error));
	cr_expect_str_eq(error.text, "invalid Unicode '\\uD800\\uABCD' near '\"\\uD800\\uABCD\"'");
}
