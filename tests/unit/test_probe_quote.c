/* SPDX-License-Identifier: MIT */
#include "base/command.h"
#include "probe/show/shell_words.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(probe_quote, .timeout = 120);

static char *quote(const char *const *words)
{
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	return shell_words_join((char *const *)(uintptr_t)words, count);
}

#define QUOTE(...) quote((const char *const[]){ __VA_ARGS__, NULL })

static void expect(char *line, const char *want)
{
	cr_expect_str_eq(line, want);
	free(line);
}

Test(probe_quote, only_what_has_to_be_is_quoted)
{
	expect(QUOTE("/bin/ls", "-l", "/srv/a_b.c", "x=1", "a,b:c@d%e+f"),
		"/bin/ls -l /srv/a_b.c 'x=1' a,b:c@d%e+f");
	expect(QUOTE("ls"), "'ls'");
	expect(QUOTE("./ls", "a b", "", "$HOME", "*", "~", "#", "!", "caf\xc3\xa9", "\n"),
		"./ls 'a b' '' '$HOME' '*' '~' '#' '!' 'caf\xc3\xa9' '\n'");
	expect(QUOTE("/bin/echo", "it's", "'", "''"), "/bin/echo 'it'\\''s' ''\\''' ''\\'''\\'''");
}

Test(probe_quote, the_first_word_is_always_a_program)
{
	expect(QUOTE("A=b", "c"), "'A=b' c");
	expect(QUOTE("cd", "/"), "'cd' /");
	expect(QUOTE("if"), "'if'");
	expect(QUOTE("A=/b", "c"), "'A=/b' c");
	expect(QUOTE("", "c"), "'' c");
}

static char *random_word(unsigned int *seed, char *storage)
{
	static const char *const pieces[] = { "a", "'", "\"", "\\", " ", "$x", "`", ";", "\n", "=",
		"~", "#", "*", "é", "-", "/", "{", "}", "!", "\t", "|", "&", "(", ")", "<", ">" };
	size_t count;

	storage[0] = '\0';
	*seed = *seed * 1103515245 + 12345;
	count = (*seed >> 16) % 6;
	for (size_t i = 0; i < count; i++) {
		*seed = *seed * 1103515245 + 12345;
		strcat(storage, pieces[(*seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
	}
	return storage;
}

/* The guest's side splits the line by itself, or has a shell do it: both must see the same words.
 */
static void check_shell(const char *line, char *const *words)
{
	char script[2048], got[4096], want[4096] = "";
	size_t len = 0, n;
	FILE *pipe;

	for (size_t i = 0; words[i] != NULL; i++)
		sprintf(want + strlen(want), "%s|", words[i]);
	snprintf(script, sizeof(script), "f() { printf '%%s|' \"$@\"; }; f %s", line);
	setenv("SCRIPT", script, 1);
	pipe = popen("exec /bin/sh -c \"$SCRIPT\"", "r");
	cr_assert_not_null(pipe);
	while ((n = fread(got + len, 1, sizeof(got) - 1 - len, pipe)) > 0)
		len += n;
	got[len] = '\0';
	cr_assert_eq(pclose(pipe), 0, "%s", line);
	cr_assert_str_eq(got, want, "%s", line);
}

Test(probe_quote, any_words_come_back)
{
	unsigned int seed = 99;

	for (int i = 0; i < 2000; i++) {
		char storage[4][64],
			*words[5] = { storage[0], storage[1], storage[2], storage[3], NULL };
		struct command *c;
		struct problem p;
		char *line;

		for (int n = 0; n < 4; n++)
			random_word(&seed, storage[n]);
		if (storage[0][0] == '\0')
			strcpy(storage[0], "run");
		line = shell_words_join(words, 4);
		cr_assert_eq(command_parse(line, &c, &p), 0, "%s: %s", line, p.text);
		cr_assert_not(c->shell, "%s needs a shell", line);
		for (int n = 0; n < 4; n++)
			cr_assert_str_eq(c->argv[n], words[n], "%s", line);
		cr_assert_null(c->argv[4]);
		if (i % 8 == 0)
			check_shell(line, words);
		free(c);
		free(line);
	}
}
