/* SPDX-License-Identifier: MIT */
/* The accounts that services use, each looked up once and shared. */
#ifndef SUPERVISOR_ACCOUNT_CACHE_H
#define SUPERVISOR_ACCOUNT_CACHE_H

#include "base/account.h"
#include "base/strings.h"

struct account_entry {
	struct account_entry *next;
	char *key;
	struct strings variables; /* HOME, USER, LOGNAME, SHELL */
	struct account account;
};

/*
 * Find the account of user `name`, with `extra_groups` (names or gids) added to its groups.
 * The result belongs to the list `*entries` and stays until account_cache_free(). NULL with `p`
 * when there is no such user or group.
 */
const struct account *account_cache_find(struct account_entry **entries, const struct accounts *a,
	const char *name, const struct strings *extra_groups, struct problem *p);

/* The environment variables of an account that account_cache_find() returned. */
const struct strings *account_cache_variables(const struct account *a);

/* Look all accounts up again from now on. Those that were found stay. */
void account_cache_forget(struct account_entry *entries);

/* Free all entries. */
void account_cache_free(struct account_entry **entries);

#endif
