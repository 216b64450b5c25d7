/* SPDX-License-Identifier: MIT */
#include "base/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Append `text` and own it; it is freed on failure. */
static int append(struct strings *s, char *text)
{
	char **list = text == NULL ? NULL : realloc(s->list, (s->count + 2) * sizeof(char *));

	if (list == NULL) {
		free(text);
		return -ENOMEM;
	}
	s->list = list;
	s->list[s->count++] = text;
	s->list[s->count] = NULL;
	return 0;
}

int strings_add(struct strings *s, const char *text, size_t len)
{
	return append(s, strndup(text, len));
}

int strings_add_all(struct strings *s, const struct strings *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int err = append(s, strdup(from->list[i]));

		if (err != 0)
			return err;
	}
	return 0;
}

size_t strings_find_variable(const struct strings *s, const char *name, size_t name_len)
{
	size_t i = 0;

	while (i < s->count &&
		(strncmp(s->list[i], name, name_len) != 0 || s->list[i][name_len] != '='))
		i++;
	return i;
}

/* Set the variable and own `text`; it is freed on failure. */
static int set_owned(struct strings *s, char *text)
{
	size_t i;

	if (text == NULL)
		return -ENOMEM;
	i = strings_find_variable(s, text, strcspn(text, "="));
	if (i == s->count)
		return append(s, text);
	free(s->list[i]);
	s->list[i] = text;
	return 0;
}

int strings_set_variable(struct strings *s, const char *text)
{
	return set_owned(s, strdup(text));
}

int strings_set(struct strings *s, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);
	char *text = malloc(name_len + value_len + 2);

	if (text != NULL) {
		memcpy(text, name, name_len);
		text[name_len] = '=';
		memcpy(text + name_len + 1, value, value_len + 1);
	}
	return set_owned(s, text);
}

void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i]);
	free(s->list);
	*s = (struct strings){ 0 };
}

uint64_t strings_hash_bytes(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	return hash;
}

uint64_t strings_hash(const char *text)
{
	return strings_hash_bytes(text, strlen(text));
}
