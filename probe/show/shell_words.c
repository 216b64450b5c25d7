/* SPDX-License-Identifier: MIT */
#include "probe/show/shell_words.h"

#include "probe/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./-";

/*
 * A first word that looks harmless may be a reserved word or a built-in of the shell. Only a path
 * or a quoted word surely names a program.
 */
static bool needs_quotes(const char *word, bool first)
{
	return word[0] == '\0' || word[strspn(word, plain)] != '\0' ||
	       (first && strchr(word, '/') == NULL);
}

/* Single quotes keep every character but the single quote itself. */
static char *put_quoted(char *at, const char *word)
{
	*at++ = '\'';
	for (; *word != '\0'; word++) {
		if (*word == '\'') {
			memcpy(at, "'\\'", 3);
			at += 3;
		}
		*at++ = *word;
	}
	*at++ = '\'';
	return at;
}

char *shell_words_join(char *const *words, size_t count)
{
	size_t size = 1;
	char *line, *at;

	for (size_t i = 0; i < count; i++)
		size += 4 * strlen(words[i]) + 3;
	line = memory_must(malloc(size));
	at = line;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ' ';
		if (needs_quotes(words[i], i == 0)) {
			at = put_quoted(at, words[i]);
		} else {
			memcpy(at, words[i], strlen(words[i]));
			at += strlen(words[i]);
		}
	}
	*at = '\0';
	return line;
}
