/* SPDX-License-Identifier: MIT */
/* The user and environment of a command. Never root, unless the security policy names root. */
#ifndef AGENT_CHECKS_IDENTITY_H
#define AGENT_CHECKS_IDENTITY_H

#include "base/account.h"
#include "base/problem.h"

/* The data that identities are looked up in. */
struct identities {
	struct accounts accounts;
	const char *default_user; /* for commands that name no user; NULL: the agent's */
};

/* The identity of one command. */
struct identity {
	struct account account;
	const struct account *user; /* for spawn(): `account`; NULL: the agent's */
	char **environment;         /* NULL-terminated; one piece of memory */
};

/*
 * Read passwd(5) and group(5) again. Returns 0, or -errno with `p` if a file cannot be read;
 * look-ups in that file then fail.
 */
int identities_load(struct identities *ids, struct problem *p);

void identities_free(struct identities *ids);

/*
 * Look up the identity for a command of `user` (NULL: the default user). The environment is the
 * agent's, with HOME, USER, LOGNAME and SHELL of that user. Returns 0, or -errno with `p`: ENOENT
 * no such user, EPERM the user is root, ENOMEM. identity_free() frees the identity.
 */
int identity_find(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p);

/* The same for a user named by the security policy, who may be root. */
int identity_find_any(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p);

void identity_free(struct identity *id);

#endif
