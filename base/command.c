/* SPDX-License-Identifier: MIT */
#include "base/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Words that only a shell can run: reserved words, special built-ins, and built-ins that act on
 * the shell itself. */
static const char *const shell_words[] = { "!", ".", ":", "alias", "bg", "break", "case", "cd",
	"command", "continue", "eval", "exec", "exit", "export", "fc", "fg", "for", "getopts",
	"hash", "if", "jobs", "local", "read", "readonly", "return", "set", "shift", "source",
	"times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
	"{" };

/* The state of the splitter. */
struct split {
	const char *at;    /* next character of the text */
	char *out;         /* where the next character of a word goes */
	char **argv;       /* words so far */
	size_t argc;       /* how many */
	bool in_word;      /* a word is open */
	bool quoted_first; /* the first word has quotes before any '=': it is not a
			    * reserved word and not NAME=value */
	bool shell;        /* shell syntax was found */
};

/* True if the character is never special, wherever it stands. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') ||
	       c == '_';
}

static bool starts_shell_syntax(const struct split *s)
{
	if (strchr(";&|<>()$`*?[\n", *s->at) != NULL)
		return true;
	return !s->in_word && (*s->at == '#' || *s->at == '~');
}

static void open_word(struct split *s)
{
	if (s->in_word)
		return;
	s->in_word = true;
	s->argv[s->argc++] = s->out;
}

static void close_word(struct split *s)
{
	if (!s->in_word)
		return;
	s->in_word = false;
	*s->out++ = '\0';
}

static int take_single_quotes(struct split *s)
{
	const char *end = strchr(s->at + 1, '\'');

	if (end == NULL)
		return -EINVAL;
	memcpy(s->out, s->at + 1, (size_t)(end - s->at - 1));
	s->out += end - s->at - 1;
	s->at = end + 1;
	return 0;
}

static int take_double_quotes(struct split *s)
{
	for (s->at++; *s->at != '"'; s->at++) {
		if (*s->at == '\0')
			return -EINVAL;
		if (*s->at == '$' || *s->at == '`')
			s->shell = true;
		if (*s->at == '\\' && s->at[1] != '\0' && strchr("$`\"\\\n", s->at[1]) != NULL) {
			s->at++;
			if (*s->at == '\n')
				continue;
		}
		*s->out++ = *s->at;
	}
	s->at++;
	return 0;
}

static void take_backslash(struct split *s)
{
	s->at++;
	if (*s->at == '\n')
		s->at++;
	else if (*s->at == '\0')
		*s->out++ = '\\';
	else
		*s->out++ = *s->at++;
}

static int take_one(struct split *s)
{
	int err = 0;

	if (is_plain(*s->at)) {
		open_word(s);
		*s->out++ = *s->at++;
		return 0;
	}
	if (*s->at == ' ' || *s->at == '\t') {
		close_word(s);
		s->at++;
		return 0;
	}
	if (*s->at == '\\' && s->at[1] == '\n') {
		s->at += 2;
		return 0;
	}
	if (starts_shell_syntax(s))
		s->shell = true;
	open_word(s);
	if (s->argc == 1 && strchr("'\"\\", *s->at) != NULL &&
		memchr(s->argv[0], '=', (size_t)(s->out - s->argv[0])) == NULL)
		s->quoted_first = true;
	if (*s->at == '\'')
		err = take_single_quotes(s);
	else if (*s->at == '"')
		err = take_double_quotes(s);
	else if (*s->at == '\\')
		take_backslash(s);
	else
		*s->out++ = *s->at++;
	return err;
}

/* True if the word is NAME=value: the text before the first '=' is a variable's name. */
static bool is_assignment(const char *word)
{
	size_t n = 0;

	while (is_plain(word[n]) && strchr("-./", word[n]) == NULL)
		n++;

	return n > 0 && word[n] == '=' && (word[0] < '0' || word[0] > '9');
}

static bool is_shell_word(const char *word)
{
	for (size_t i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++)
		if (strcmp(word, shell_words[i]) == 0)
			return true;
	return false;
}

static int split(struct split *s, struct problem *p)
{
	while (*s->at != '\0' && !s->shell) {
		char c = *s->at;

		if (take_one(s) != 0)
			return problem_set_text(p, EINVAL, "a %s quote is not closed",
				c == '"' ? "double" : "single");
	}
	close_word(s);
	s->argv[s->argc] = NULL;
	if (s->argc == 0 || (s->argv[0][0] == '\0' && !s->shell))
		return problem_set_text(p, EINVAL, "the command is empty");
	if (!s->quoted_first && (is_assignment(s->argv[0]) || is_shell_word(s->argv[0])))
		s->shell = true;
	return 0;
}

int command_parse(const char *text, struct command **out, struct problem *p)
{
	size_t len = strlen(text);
	size_t words = len / 2 + 2 < 4 ? 4 : len / 2 + 2; /* at least sh -c TEXT NULL */
	struct command *c = calloc(1, sizeof(*c) + words * sizeof(char *) + len + 2);
	struct split s = { .at = text };
	int err;

	if (c == NULL)
		return problem_set(p, ENOMEM, "command");
	c->argv = (char **)(c + 1);
	s.argv = c->argv;
	s.out = (char *)(c->argv + words);
	err = split(&s, p);
	if (err != 0) {
		free(c);
		return err;
	}
	c->shell = s.shell;
	if (c->shell) {
		static char sh[] = "/bin/sh", option[] = "-c";
		char *copy = (char *)(c->argv + words);

		memcpy(copy, text, len + 1);
		c->argv[0] = sh;
		c->argv[1] = option;
		c->argv[2] = copy;
		c->argv[3] = NULL;
	}
	*out = c;
	return 0;
}
