/* SPDX-License-Identifier: MIT */
#include "init/cmdline.h"

#include "base/file.h"

#include <stdbool.h>
#include <string.h>

void cmdline_parse(struct cmdline *c, const char *text)
{
	bool quoted = false, in_word = false;

	c->len = 0;
	for (; *text != '\0' && c->len < sizeof(c->text) - 1; text++) {
		bool space = (*text == ' ' || *text == '\t' || *text == '\n') && !quoted;

		if (*text == '"') {
			quoted = !quoted;
			in_word = true;
		} else if (!space) {
			c->text[c->len++] = *text;
			in_word = true;
		} else if (in_word) {
			c->text[c->len++] = '\0';
			in_word = false;
		}
	}
	if (in_word)
		c->text[c->len++] = '\0';
}

int cmdline_read(struct cmdline *c, struct problem *p)
{
	char text[CMDLINE_MAX];
	int err = file_read("/proc/cmdline", text, sizeof(text), NULL);

	cmdline_parse(c, text);
	return err != 0 ? problem_set(p, -err, "cannot read /proc/cmdline") : 0;
}

const char *cmdline_value(const struct cmdline *c, const char *name)
{
	size_t name_len = strlen(name);
	const char *found = NULL;

	for (size_t at = 0; at < c->len; at += strlen(c->text + at) + 1) {
		const char *word = c->text + at;

		if (word[0] == name[0] && strncmp(word, name, name_len) == 0 &&
			word[name_len] == '=')
			found = word + name_len + 1;
	}
	return found;
}
