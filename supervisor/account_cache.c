/* SPDX-License-Identifier: MIT */
#include "supervisor/account_cache.h"

#include "base/buf.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int add_groups(const struct accounts *a, const struct strings *names, struct account *out,
	struct problem *p)
{
	for (size_t i = 0; i < names->count; i++) {
		gid_t gid;
		int err = accounts_find_group(a, names->list[i], &gid, p);

		if (err != 0)
			return err;
		if (out->group_count == ACCOUNT_GROUPS_MAX)
			return problem_set_text(
				p, E2BIG, "more than %d groups", ACCOUNT_GROUPS_MAX);
		out->groups[out->group_count++] = gid;
	}
	return 0;
}

/* Join the user's name and the names of the groups in one text. */
static void make_key(struct buf *key, const char *name, const struct strings *groups)
{
	buf_puts(key, name);
	for (size_t i = 0; i < groups->count; i++)
		buf_printf(key, ":%s", groups->list[i]);
}

static int set_variables(struct account_entry *e)
{
	int err = strings_set(&e->variables, "HOME", account_home(&e->account));

	if (err == 0)
		err = strings_set(&e->variables, "USER", e->account.name);
	if (err == 0)
		err = strings_set(&e->variables, "LOGNAME", e->account.name);
	if (err == 0)
		err = strings_set(&e->variables, "SHELL", account_shell(&e->account));
	return err;
}

const struct strings *account_cache_variables(const struct account *a)
{
	const struct account_entry *e =
		(const struct account_entry *)((const char *)a -
					       offsetof(struct account_entry, account));

	return &e->variables;
}

const struct account *account_cache_find(struct account_entry **entries, const struct accounts *a,
	const char *name, const struct strings *extra_groups, struct problem *p)
{
	char key[ACCOUNT_NAME_MAX * (ACCOUNT_GROUPS_MAX + 1)];
	struct buf b;
	struct account_entry *e;

	buf_init(&b, key, sizeof(key));
	make_key(&b, name, extra_groups);
	for (e = *entries; e != NULL; e = e->next)
		if (!b.cut && strcmp(e->key, key) == 0)
			return &e->account;
	e = calloc(1, sizeof(*e));
	if (e == NULL || (e->key = strdup(key)) == NULL) {
		free(e);
		problem_set(p, ENOMEM, "user '%s'", name);
		return NULL;
	}
	if (accounts_find_user(a, name, &e->account, p) == 0 &&
		add_groups(a, extra_groups, &e->account, p) == 0) {
		if (set_variables(e) == 0) {
			e->next = *entries;
			*entries = e;
			return &e->account;
		}
		problem_set(p, ENOMEM, "user '%s'", name);
	}
	strings_free(&e->variables);
	free(e->key);
	free(e);
	return NULL;
}

void account_cache_forget(struct account_entry *entries)
{
	for (struct account_entry *e = entries; e != NULL; e = e->next)
		e->key[0] = '\0';
}

void account_cache_free(struct account_entry **entries)
{
	while (*entries != NULL) {
		struct account_entry *e = *entries;

		*entries = e->next;
		free(e->key);
		strings_free(&e->variables);
		free(e);
	}
}
