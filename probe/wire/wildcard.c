/* SPDX-License-Identifier: MIT */
#include "probe/wire/wildcard.h"

#include "probe/memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool wildcard_is_in(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/*
 * Match `c` with the set that starts at `at`, after its '['. Returns the place after the ']'; NULL
 * if there is none, and '[' is then an ordinary character. `found`: the set contains `c`.
 */
static const char *match_set(const char *at, unsigned char c, bool *found)
{
	bool is_inverted = *at == '!' || *at == '^';

	*found = false;
	if (is_inverted)
		at++;
	for (const char *first = at; *at != ']' || at == first; at++) {
		unsigned char low, high;

		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0' || *at == '/')
			return NULL;
		low = high = (unsigned char)*at;
		if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
			at += 2;
			if (*at == '\\' && at[1] != '\0')
				at++;
			high = (unsigned char)*at;
		}
		*found = *found || (c >= low && c <= high);
	}
	*found = *found != is_inverted;
	return at + 1;
}

/* True if `c` matches the first element of the pattern. `next` becomes the rest of the pattern. */
static bool match_one(const char *pattern, char c, const char **next)
{
	const char *end;
	bool found;

	*next = pattern + 1;
	if (*pattern == '?')
		return true;
	if (*pattern == '[') {
		end = match_set(pattern + 1, (unsigned char)c, &found);
		if (end != NULL) {
			*next = end;
			return found;
		}
	}
	if (*pattern == '\\' && pattern[1] != '\0') {
		*next = pattern + 2;
		return pattern[1] == c;
	}
	return *pattern == c;
}

bool wildcard_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL; /* the last '*', and the end of its match so far */

	if (name[0] == '.' && pattern[0] != '.' && !(pattern[0] == '\\' && pattern[1] == '.'))
		return false;
	while (*name != '\0') {
		const char *next;

		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (*pattern != '\0' && match_one(pattern, *name, &next)) {
			pattern = next;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* ---- paths ----------------------------------------------------------------------------------- */

struct walk {
	int (*each)(void *arg, const char *path);
	void *arg;
};

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_rest(const struct walk *w, char *path, size_t len, const char *rest);

/* Append a name and the slashes after it to `path`, and walk on. */
static int walk_name(const struct walk *w, const char *path, size_t len, const char *name,
	size_t name_len, const char *rest)
{
	size_t slashes = strspn(rest, "/");
	char *longer = memory_must(malloc(len + name_len + slashes + 1));
	int err;

	memcpy(longer, path, len);
	memcpy(longer + len, name, name_len);
	memcpy(longer + len + name_len, rest, slashes);
	len += name_len + slashes;
	longer[len] = '\0';
	err = walk_rest(w, longer, len, rest + slashes);
	free(longer);
	return err;
}

static int walk_directory(
	const struct walk *w, const char *path, size_t len, const char *pattern, const char *rest)
{
	struct dirent **entries = NULL;
	int count = scandir(len > 0 ? path : ".", &entries, NULL, by_bytes), err = 0;

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (err == 0 && wildcard_matches(pattern, name))
			err = walk_name(w, path, len, name, strlen(name), rest);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* The first `len` bytes of `path` have matched; `rest` is the rest of the pattern. */
static int walk_rest(const struct walk *w, char *path, size_t len, const char *rest)
{
	size_t part_len = strcspn(rest, "/");
	struct stat st;
	char *part;
	int err;

	if (part_len == 0)
		return lstat(path, &st) == 0 ? w->each(w->arg, path) : 0;
	part = memory_copy(rest, part_len);
	if (wildcard_is_in(part))
		err = walk_directory(w, path, len, part, rest + part_len);
	else
		err = walk_name(w, path, len, part, part_len, rest + part_len);
	free(part);
	return err;
}

int wildcard_expand(const char *pattern, int (*each)(void *arg, const char *path), void *arg)
{
	const struct walk w = { .each = each, .arg = arg };
	size_t slashes = strspn(pattern, "/");
	char *start = memory_copy(pattern, slashes);
	int err = walk_rest(&w, start, slashes, pattern + slashes);

	free(start);
	return err;
}
