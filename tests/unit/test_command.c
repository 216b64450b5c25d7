/* SPDX-License-Identifier: MIT */
#include "base/command.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_argv(const char *text, char **argv, const json_t *want)
{
	size_t count = json_array_size(want);

	for (size_t i = 0; i < count; i++) {
		cr_assert_not_null(argv[i], "'%s': only %zu words, not %zu", text, i, count);
		cr_assert_str_eq(argv[i], json_string_value(json_array_get(want, i)),
			"'%s': word %zu is '%s'", text, i, argv[i]);
	}
	cr_assert_null(argv[count], "'%s': a word too many: '%s'", text, argv[count]);
}

static void check_vector(const json_t *vector)
{
	const char *text = json_string_value(json_object_get(vector, "text"));
	const char *kind = json_string_value(json_object_get(vector, "kind"));
	struct problem p = { 0 };
	struct command *c = NULL;
	int err = command_parse(text, &c, &p);

	if (strcmp(kind, "error") == 0) {
		cr_assert_eq(err, -EINVAL, "'%s' is accepted", text);
		cr_assert_eq(p.code, EINVAL);
		cr_assert_not(strchr(p.text, '\n') != NULL || p.text[0] == '\0');
		cr_assert_null(c);
		return;
	}
	cr_assert_eq(err, 0, "'%s': %s", text, p.text);
	cr_assert_eq(c->shell, strcmp(kind, "shell") == 0, "'%s' is not for %s", text, kind);
	if (c->shell) {
		cr_assert_str_eq(c->argv[0], "/bin/sh");
		cr_assert_str_eq(c->argv[1], "-c");
		cr_assert_str_eq(c->argv[2], text);
		cr_assert_null(c->argv[3]);
	} else {
		check_argv(text, c->argv, json_object_get(vector, "argv"));
	}
	free(c);
}

Test(command, vectors)
{
	json_error_t error;
	json_t *vectors = json_load_file(VECTORS "/command-lines.json", 0, &error);
	size_t i;
	json_t *vector;

	cr_assert_not_null(vectors, "%s:%d: %s", error.source, error.line, error.text);
	cr_assert_geq(json_array_size(vectors), 40);
	json_array_foreach(vectors, i, vector) check_vector(vector);
	json_decref(vectors);
}

Test(command, says_which_quote_is_open)
{
	struct problem p = { 0 };
	struct command *c;

	cr_assert_eq(command_parse("a 'b\"", &c, &p), -EINVAL);
	cr_assert_str_eq(p.text, "a single quote is not closed");
	cr_assert_eq(command_parse("a 'c' \"b'", &c, &p), -EINVAL);
	cr_assert_str_eq(p.text, "a double quote is not closed");
}

/* The words of `text` according to this machine's shell, each followed by an 'X' line. */
static size_t shell_words(const char *text, char *out, size_t size)
{
	char script[512];
	size_t len = 0, n;
	FILE *pipe;

	snprintf(script, sizeof(script), "f() { for w; do printf '%%sX\\n' \"$w\"; done; }; f %s",
		text);
	setenv("SCRIPT", script, 1);
	pipe = popen("exec /bin/sh -c \"$SCRIPT\" 2>/dev/null", "r");
	cr_assert_not_null(pipe);
	while ((n = fread(out + len, 1, size - 1 - len, pipe)) > 0)
		len += n;
	out[len] = '\0';
	cr_assert_eq(pclose(pipe), 0, "the shell rejects '%s'", text);
	return len;
}

static void compare_with_shell(const char *text, size_t *compared)
{
	char want[2048], got[2048];
	struct problem p;
	struct command *c;
	size_t len = 0;

	if (command_parse(text, &c, &p) != 0)
		return;
	if (!c->shell) {
		for (char **w = c->argv; *w != NULL; w++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%sX\n", *w);
		got[len] = '\0';
		shell_words(text, want, sizeof(want));
		cr_expect_str_eq(got, want, "'%s' is not split as the shell does it", text);
		++*compared;
	}
	free(c);
}

/* A command that runs without a shell has the same words as with one. */
Test(command, random_texts_agree_with_the_shell)
{
	static const char *const pieces[] = { "a", "bc", "=", " ", "  ", "\t", "'", "\"", "\\",
		"\\\\", "'x y'", "\"u v\"", "\\ ", "\\'", "\"\\\"\"", "''", "\"\"", "]", "}", "!",
		"%", "~", "#", "-", "\\\n", "$", ";" };
	unsigned int seed = 12345;
	size_t compared = 0;

	for (int i = 0; i < 1500; i++) {
		char text[128] = "a";

		for (int n = 0; n < 9; n++) {
			seed = seed * 1103515245 + 12345;
			strcat(text, pieces[(seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		compare_with_shell(text, &compared);
	}
	cr_assert_gt(compared, 150, "only %zu texts ran without a shell", compared);
}

/* Sizes are computed before the text is split: ASan would show a word too many. */
Test(command, most_words_for_a_length)
{
	char text[1024];

	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		struct problem p;
		struct command *c;

		for (size_t i = 0; i < len; i++)
			text[i] = i % 2 == 0 ? 'a' : ' ';
		text[len] = '\0';
		cr_assert_eq(command_parse(text, &c, &p), 0);
		for (size_t i = 0; i < (len + 1) / 2; i++)
			cr_assert_str_eq(c->argv[i], "a");
		cr_assert_null(c->argv[(len + 1) / 2]);
		free(c);
	}
}
