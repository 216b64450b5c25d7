/* SPDX-License-Identifier: MIT */
#include "supervisor/env_file.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)

int env_name_is_valid(const char *name, size_t len)
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return len > 0 && strspn(name, legal) >= len && (name[0] < '0' || name[0] > '9');
}

/* The value in its storage, unquoted in place when it is wholly one quoted string. */
static void unquote(char *value)
{
	size_t len = strlen(value);
	char quote = value[0], *out = value;

	if (len < 2 || (quote != '\'' && quote != '"') || value[len - 1] != quote)
		return;
	/* A quote within means that it is not one string: 'a' 'b' stays as it is. */
	for (size_t i = 1; i < len - 1; i++) {
		if (quote == '"' && value[i] == '\\' && i + 1 < len - 1)
			i++;
		else if (value[i] == quote ||
			 (value[i] == '\\' && quote == '"' && i + 1 == len - 1))
			return;
	}
	for (size_t i = 1; i < len - 1; i++) {
		if (quote == '"' && value[i] == '\\' && strchr("$`\"\\", value[i + 1]) != NULL)
			i++;
		*out++ = value[i];
	}
	*out = '\0';
}

/* Returns 0, -EINVAL when the line is no assignment, or -ENOMEM. */
static int parse_line(char *line, struct strings *out)
{
	char *equals;
	size_t len;

	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	equals = strchr(line, '=');
	if (equals == NULL || !env_name_is_valid(line, (size_t)(equals - line)))
		return -EINVAL;
	len = strlen(line);
	while (strchr(" \t\r", line[len - 1]) != NULL)
		line[--len] = '\0';
	unquote(equals + 1);
	return strings_set_variable(out, line);
}

int env_file_parse(
	const char *path, const char *text, struct strings *out, const struct reporter *report)
{
	unsigned int number = 1;

	for (; *text != '\0'; number++) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);
		int err = line == NULL ? -ENOMEM : parse_line(line, out);
		struct problem p;

		free(line);
		if (err == -ENOMEM)
			return err;
		if (err != 0) {
			problem_set_text(
				&p, EINVAL, "%s:%u: not NAME=VALUE, line skipped", path, number);
			problem_report(report, &p);
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

int env_file_read(const char *path, struct strings *out, const struct reporter *report)
{
	char *text;
	size_t len;
	int err = file_read_alloc(path, FILE_MAX, &text, &len);
	struct problem p;

	if (err == -ENOENT)
		return err;
	if (err != 0) {
		problem_set(&p, -err, "cannot read %s", path);
		problem_report(report, &p);
		return err;
	}
	if (memchr(text, '\0', len) != NULL) {
		problem_set_text(
			&p, EINVAL, "%s: has a NUL byte, what follows it is not read", path);
		problem_report(report, &p);
	}
	err = env_file_parse(path, text, out, report);
	free(text);
	return err;
}
