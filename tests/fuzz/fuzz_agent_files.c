/* SPDX-License-Identifier: MIT */
/* The agent's JSON files: definitions of both kinds, and what a command prints as JSON. */
#include "agent/checks/definition.h"
#include "protocol/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_agent_files: %s\n", what);
	abort();
}

static void check_definition(enum definition_kind kind, const char *text, size_t len)
{
	struct problem p = { 0 };
	struct definition d;

	if (definition_parse(kind, text, len, &d, &p) != 0)
		require(p.text[0] != '\0', "an error without words");
	else
		require(d.name != NULL && strlen(d.name) <= DEFINITION_NAME_MAX, "a bad name");
	definition_free(&d);
}

/* The compact form of a value is the same value, and compact already. */
static void check_compact(const char *text, size_t len)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	json_t *before, *after;
	struct json value;
	struct problem p;
	struct buf b;
	char *out;

	if (json_check(text, len, &value, &p) != 0)
		return;
	require(json_nesting(value) <= JSON_NESTING_MAX, "nested too deep");
	out = malloc(len + 1);
	require(out != NULL, "no memory");
	buf_init(&b, out, len + 1);
	json_put_compact(&b, value);
	require(!b.cut && b.len <= value.len, "the compact form is longer");
	before = json_loadb(text, len, flags, NULL);
	after = json_loadb(b.data, b.len, flags, NULL);
	require(before != NULL && after != NULL, "the compact form is no JSON");
	require(json_equal(before, after), "the compact form is another value");
	json_decref(before);
	json_decref(after);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Files are read with a NUL behind them. */
	char *text = malloc(size + 1);

	require(text != NULL, "no memory");
	memcpy(text, data, size);
	text[size] = '\0';
	check_definition(DEFINITION_INTEGRATION, text, size);
	check_definition(DEFINITION_PROBE, text, size);
	check_compact(text, size);
	free(text);
	return 0;
}
