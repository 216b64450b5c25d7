/* SPDX-License-Identifier: MIT */
#include "probe/wire/target_list.h"

#include "base/buf.h"
#include "base/file.h"
#include "probe/memory.h"
#include "probe/wire/wildcard.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Add a target with the text `text`, or `owned`, which the target then owns. */
static int add(struct target_list *l, const char *text, char *owned, struct problem *p)
{
	struct target *t;
	int err;

	if (l->count == TARGET_LIST_MAX) {
		free(owned);
		return problem_set_text(
			p, E2BIG, "more than %d targets: name fewer", TARGET_LIST_MAX);
	}
	l->items = memory_for_one_more(l->items, l->count, sizeof(*l->items));
	t = &l->items[l->count++]; /* counted first, so that a bad one is freed as well */
	err = target_parse(t, owned != NULL ? owned : text, l->port, p);
	t->owned = owned;
	return err;
}

int target_list_add(struct target_list *l, const char *text, struct problem *p)
{
	return add(l, text, NULL, p);
}

/* ---- expansion ------------------------------------------------------------------------------- */

static char *join(const char *directory, const char *name)
{
	size_t len = strlen(directory);
	size_t size = len + strlen(name) + 2;
	char *path = memory_must(malloc(size));

	while (len > 1 && directory[len - 1] == '/')
		len--;
	buf_format(path, size, "%.*s/%s", (int)len, directory, name);
	return path;
}

static bool has_socket(const char *directory, const char *name)
{
	char *path = join(directory, name);
	struct stat st;
	bool found = stat(path, &st) == 0 && S_ISSOCK(st.st_mode);

	free(path);
	return found;
}

/* True if the path is a socket, or the directory of a VM. */
static bool is_vm(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return has_socket(path, "v.sock") || has_socket(path, "runtime/v.sock");
	return S_ISSOCK(st.st_mode);
}

static int take_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Add the VMs in a directory that is not a VM itself. */
static int add_directory(struct target_list *l, const char *path, struct problem *p)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, take_entry, by_bytes), err = 0;

	for (int i = 0; i < count; i++) {
		char *vm = join(path, entries[i]->d_name);
		struct stat st;

		if (err == 0 && stat(vm, &st) == 0 && S_ISDIR(st.st_mode) && is_vm(vm))
			err = add(l, NULL, vm, p);
		else
			free(vm);
		free(entries[i]);
	}
	free(entries);
	return err;
}

struct matches {
	struct target_list *list;
	struct problem *problem;
};

static int add_match(void *arg, const char *path)
{
	const struct matches *m = arg;

	return is_vm(path) ? add(m->list, NULL, memory_copy(path, strlen(path)), m->problem) : 0;
}

static int add_glob(struct target_list *l, const char *pattern, struct problem *p)
{
	return wildcard_expand(pattern, add_match, &(struct matches){ l, p });
}

int target_list_expand(struct target_list *l, const char *text, struct problem *p)
{
	size_t before = l->count;
	struct stat st;
	int err;

	if (strncmp(text, "vsock:", 6) == 0)
		return target_list_add(l, text, p);
	if (stat(text, &st) != 0 && wildcard_is_in(text)) {
		l->is_expanded = true;
		err = add_glob(l, text, p);
		if (err == 0 && l->count == before && !l->may_be_empty)
			err = problem_set_text(
				p, EINVAL, "%s: no VM matches; is one running?", text);
		return err;
	}
	if (stat(text, &st) == 0 && S_ISDIR(st.st_mode) && !is_vm(text)) {
		err = add_directory(l, text, p);
		if (err != 0 || l->count > before) {
			l->is_expanded = true;
			return err;
		}
	}
	return target_list_add(l, text, p);
}

/* ---- files and search paths ------------------------------------------------------------------ */

static int expand_owned(struct target_list *l, const char *line, size_t len, struct problem *p)
{
	char *text = memory_copy(line, len);
	size_t before = l->count;
	int err = target_list_expand(l, text, p);

	/* A target that uses the text itself must own it. */
	if (l->count == before + 1 && l->items[before].text == text)
		l->items[before].owned = text;
	else
		free(text);
	return err;
}

static int expand_line(
	struct target_list *l, const char *line, const char *path, size_t number, struct problem *p)
{
	size_t len = strcspn(line, "\n");
	int err;

	while (len > 0 && (line[0] == ' ' || line[0] == '\t'))
		line++, len--;
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		len--;
	if (len == 0 || line[0] == '#')
		return 0;
	err = expand_owned(l, line, len, p);
	if (err != 0) {
		struct problem cause = *p;

		return problem_set_text(p, -err, "%s:%zu: %s", path, number, cause.text);
	}
	return 0;
}

int target_list_add_file(struct target_list *l, const char *path, struct problem *p)
{
	const char *name = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
	char *text = NULL;
	size_t len = 0, number = 1;
	int err = file_read_alloc(name, TARGET_LIST_FILE_MAX, &text, &len);

	l->is_expanded = true;
	if (err != 0)
		return problem_set_text(
			p, -err, "--targets: %s: %s", path, problem_errno_text(-err));
	for (const char *at = text; err == 0 && *at != '\0'; number++) {
		err = expand_line(l, at, path, number, p);
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	free(text);
	return err;
}

/* One part of a search path, with ~ replaced. The caller frees it. */
static char *search_part(const char *part, size_t len)
{
	const char *home = getenv("HOME");

	if (len >= 2 && part[0] == '~' && part[1] == '/' && home != NULL) {
		char *rest = memory_copy(part + 2, len - 2);
		char *path = join(home, rest);

		free(rest);
		return path;
	}
	return memory_copy(part, len);
}

int target_list_search(struct target_list *l, const char *search_path, struct problem *p)
{
	int err = 0;

	l->is_expanded = true;
	for (const char *at = search_path; err == 0 && *at != '\0';) {
		size_t len = strcspn(at, ":");
		char *part = search_part(at, len);

		if (len > 0 && is_vm(part))
			err = add(l, NULL, memory_copy(part, strlen(part)), p);
		else if (len > 0 && wildcard_is_in(part))
			err = add_glob(l, part, p);
		else if (len > 0)
			err = add_directory(l, part, p);
		free(part);
		at += len + (at[len] == ':');
	}
	return err;
}

/* ---- the same socket twice ------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct target *x = *(const struct target *const *)a;
	const struct target *y = *(const struct target *const *)b;
	int order;

	if (x->path == NULL || y->path == NULL)
		order = x->path == y->path ? (x->cid > y->cid) - (x->cid < y->cid)
					   : (x->path == NULL ? -1 : 1);
	else
		order = strcmp(x->path, y->path);
	if (order == 0)
		order = (x->port > y->port) - (x->port < y->port);
	return order;
}

static int by_address_and_place(const void *a, const void *b)
{
	const struct target *x = *(const struct target *const *)a;
	const struct target *y = *(const struct target *const *)b;
	int order = by_address(a, b);

	return order != 0 ? order : (x > y) - (x < y);
}

void target_list_unique(struct target_list *l)
{
	struct target **sorted;
	size_t kept = 0;

	if (l->count < 2)
		return;
	sorted = memory_must(calloc(l->count, sizeof(*sorted)));
	for (size_t i = 0; i < l->count; i++)
		sorted[i] = &l->items[i];
	qsort(sorted, l->count, sizeof(*sorted), by_address_and_place);
	for (size_t i = 1, first = 0; i < l->count; i++) {
		if (by_address(&sorted[first], &sorted[i]) == 0)
			sorted[i]->is_again = true;
		else
			first = i;
	}
	free(sorted);
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].is_again)
			target_free(&l->items[i]);
		else
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

void target_list_free(struct target_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		target_free(&l->items[i]);
	free(l->items);
	l->items = NULL;
	l->count = 0;
}
