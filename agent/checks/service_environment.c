/* SPDX-License-Identifier: MIT */
#include "agent/checks/service_environment.h"

#include "base/buf.h"
#include "base/environment_file.h"
#include "base/file.h"
#include "base/number.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX  (1024 * 1024)
#define OWN_NAMES 3

static bool is_of(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Split the text at its NUL bytes; the variables come after uid and directory. */
static char **make_list(const char *text, size_t len, const struct account *a)
{
	const char *names[OWN_NAMES] = { "USER", "LOGNAME", "SHELL" };
	const char *values[OWN_NAMES] = { a->name, a->name, account_shell(a) };
	size_t count = OWN_NAMES + 1, n = 0, room = len;
	char **list, *at, *own;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\0';
	for (int i = 0; i < OWN_NAMES; i++)
		room += strlen(names[i]) + strlen(values[i]) + 2;
	list = malloc(count * sizeof(*list) + room);
	if (list == NULL)
		return NULL;
	at = memcpy((char *)(list + count), text, len);
	own = at + len;
	for (char *end = own; at < end; at += strlen(at) + 1) {
		bool is_own = false;

		for (int i = 0; i < OWN_NAMES; i++)
			is_own |= is_of(at, names[i]);
		if (!is_own)
			list[n++] = at;
	}
	for (int i = 0; i < OWN_NAMES; i++) {
		list[n++] = own;
		own += buf_format(own, strlen(names[i]) + strlen(values[i]) + 2, "%s=%s", names[i],
			       values[i]) +
		       1;
	}
	list[n] = NULL;
	return list;
}

int service_environment_read(
	const char *service, const struct account *a, struct service_environment *out)
{
	char path[PATH_MAX], small[4096], *text = small; /* most need no memory */
	const char *directory, *first;
	size_t len;
	uint64_t uid;
	int err;

	*out = (struct service_environment){ 0 };
	buf_format(path, sizeof(path), ENVIRONMENT_DIRECTORY "/%s", service);
	err = file_read(path, small, sizeof(small), &len);
	if (err == -EFBIG)
		err = file_read_alloc(path, FILE_MAX, &text, &len);
	if (err != 0)
		return err;
	directory = memchr(text, '\0', len);
	first = directory == NULL
			? NULL
			: memchr(directory + 1, '\0', len - (size_t)(directory + 1 - text));
	if (first == NULL || text[len - 1] != '\0' || number_parse(text, UINT32_MAX, &uid) != 0) {
		err = -EINVAL;
	} else {
		first++;
		out->list = make_list(first, len - (size_t)(first - text), a);
		err = out->list != NULL ? 0 : -ENOMEM;
		if (err == 0 && uid == a->uid)
			out->directory = strdup(directory + 1);
	}
	if (text != small)
		free(text);
	return err;
}

void service_environment_free(struct service_environment *e)
{
	free(e->list);
	free((void *)(uintptr_t)e->directory);
	*e = (struct service_environment){ 0 };
}
