/* SPDX-License-Identifier: MIT */
#include "supervisor/env_file.h"

#include "base/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)

int env_name_is_valid(const char *name, size_t len)
{
	static const char legal[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-";

	return len > 0 && strspn(name, legal) >= len && strchr("0123456789.-", name[0]) == NULL;
}

/* One assignment, or another line. The pointers point into the text. */
struct assignment {
	enum { NOTHING, PLAIN, QUOTED, UNCLOSED, BAD } kind;
	const char *name, *value, *end; /* `end`: after the value, without its quotes */
	size_t name_len;
	const char *next; /* the line after it */
};

static const char *end_of_line(const char *at)
{
	return at + strcspn(at, "\n");
}

static const char *next_line(const char *at)
{
	at = end_of_line(at);
	return at + (*at == '\n');
}

/* Find the quote that closes the one at `open`, on this line or a later one; or NULL. */
static const char *closing_quote(const char *open)
{
	for (const char *at = open + 1; *at != '\0'; at++) {
		if (*open == '"' && at[0] == '\\' && at[1] != '\0')
			at++;
		else if (*at == *open)
			return at;
	}
	return NULL;
}

/* True if only white space, or white space and a comment, follows on the line. */
static bool is_blank_behind(const char *at, bool may_have_comment)
{
	size_t space = strspn(at, " \t\r");

	return at[space] == '\n' || at[space] == '\0' ||
	       (may_have_comment && space > 0 && at[space] == '#');
}

static bool find_name(const char *line, struct assignment *a)
{
	const char *end = end_of_line(line), *equals = memchr(line, '=', (size_t)(end - line));

	if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	if (equals == NULL || equals < line || !env_name_is_valid(line, (size_t)(equals - line)))
		return false;
	a->name = line;
	a->name_len = (size_t)(equals - line);
	a->value = equals + 1;
	return true;
}

/*
 * After a quote that is never closed, continue at the next line that can only be an assignment.
 * "TEXT=" and "TEXT==" may be the end of a key in base64 (RFC 4648): no part of a value may become
 * a variable.
 */
static const char *behind_unclosed(const char *at)
{
	struct assignment a;

	for (at = next_line(at); *at != '\0'; at = next_line(at)) {
		if (find_name(at + strspn(at, " \t"), &a) && *a.value != '=' &&
			!is_blank_behind(a.value, false))
			break;
	}
	return at;
}

static struct assignment read_assignment(const char *line)
{
	struct assignment a = { .kind = NOTHING, .next = next_line(line) };
	const char *close;

	line += strspn(line, " \t\r");
	if (*line == '\n' || *line == '\0' || *line == '#')
		return a;
	a.kind = find_name(line, &a) ? PLAIN : BAD;
	if (a.kind == BAD)
		return a;
	a.end = end_of_line(a.value);
	while (a.end > a.value && strchr(" \t\r", a.end[-1]) != NULL)
		a.end--;
	if (*a.value != '\'' && *a.value != '"')
		return a;
	close = closing_quote(a.value);
	if (close != NULL && close < a.end - 1)
		return a; /* with a quote inside it is not one string: 'a' 'b' stays unchanged */
	if (close == NULL || (close >= a.end && !is_blank_behind(close + 1, true))) {
		a.kind = UNCLOSED;
		a.next = behind_unclosed(line);
		return a;
	}
	a.kind = QUOTED;
	a.value++;
	a.end = close;
	a.next = next_line(close);
	return a;
}

/* Copy the value without its quotes. Lines may end in CR LF. */
static char *unquote(char *out, const struct assignment *a)
{
	const char *start = out;
	bool is_double = a->value[-1] == '"';

	for (const char *at = a->value; at < a->end; at++) {
		if (is_double && *at == '\\' && at[1] == '\n') {
			at++;
			continue;
		}
		if (is_double && *at == '\\' && strchr("$`\"\\", at[1]) != NULL)
			at++;
		while (*at == '\n' && out > start && out[-1] == '\r')
			out--;
		*out++ = *at;
	}
	return out;
}

static int keep(const struct assignment *a, struct strings *out)
{
	char *text = malloc(a->name_len + (size_t)(a->end - a->value) + 2), *end;
	int err;

	if (text == NULL)
		return -ENOMEM;
	memcpy(text, a->name, a->name_len);
	end = text + a->name_len;
	*end++ = '=';
	if (a->kind == QUOTED) {
		end = unquote(end, a);
	} else {
		memcpy(end, a->value, (size_t)(a->end - a->value));
		end += a->end - a->value;
	}
	*end = '\0';
	err = strings_set_variable(out, text);
	free(text);
	return err;
}

int env_file_parse(
	const char *path, const char *text, struct strings *out, const struct reporter *report)
{
	unsigned int number = 1;

	while (*text != '\0') {
		struct assignment a = read_assignment(text);
		struct problem p;

		if ((a.kind == PLAIN || a.kind == QUOTED) && keep(&a, out) != 0)
			return -ENOMEM;
		if (a.kind == BAD || a.kind == UNCLOSED) {
			problem_set_text(&p, EINVAL, "%s:%u: %s", path, number,
				a.kind == BAD ? "not NAME=VALUE, line skipped"
					      : "quote opened here is never closed, variable "
						"skipped");
			problem_report(report, &p);
		}
		for (; text < a.next; text++)
			number += *text == '\n';
	}
	return 0;
}

/*
 * The kernel ends a variable at a NUL byte (execve(2)), so a line with one is refused. Returns how
 * many lines were, and the number of the first.
 */
static unsigned int blank_lines_with_nul(char *text, size_t len, unsigned int *first)
{
	unsigned int count = 0, number = 1;

	for (size_t at = 0; at < len; number++) {
		char *end = memchr(text + at, '\n', len - at);
		size_t n = end == NULL ? len - at : (size_t)(end - text) - at;

		if (memchr(text + at, '\0', n) != NULL) {
			memset(text + at, ' ', n);
			if (count++ == 0)
				*first = number;
		}
		at += n + 1;
	}
	return count;
}

int env_file_read(const char *path, struct strings *out, const struct reporter *report)
{
	char *text;
	size_t len;
	unsigned int bad, line = 0;
	int err = file_read_alloc(path, FILE_MAX, &text, &len);
	struct problem p;

	if (err != 0)
		return err;
	bad = blank_lines_with_nul(text, len, &line);
	if (bad > 0) {
		problem_set_text(&p, EINVAL,
			"%s: NUL bytes in %u lines, first in line %u: lines skipped", path, bad,
			line);
		problem_report(report, &p);
	}
	err = env_file_parse(path, text, out, report);
	free(text);
	return err;
}
