/* SPDX-License-Identifier: MIT */
/* As whom a command runs, and with which environment. Never as root, but where a policy says so. */
#ifndef AGENT_CHECKS_IDENTITY_H
#define AGENT_CHECKS_IDENTITY_H

#include "base/account.h"
#include "base/problem.h"

/* Where identities come from. */
struct identities {
	struct accounts accounts;
	const char *default_user; /* for commands that name no user; NULL: the agent's own */
};

/* One command's identity. */
struct identity {
	struct account account;
	const struct account *user; /* for spawn(): `account`, or NULL for the agent's own */
	char **environment;         /* NULL-terminated; one piece of memory */
};

/*
 * Read passwd(5) and group(5) again. What cannot be read is described in `p`, and look-ups in it
 * will fail. Returns 0 or -errno.
 */
int identities_load(struct identities *ids, struct problem *p);

void identities_free(struct identities *ids);

/*
 * Find out as whom to run a command of `user` (NULL: the default user). Its environment is the
 * agent's own with HOME, USER, LOGNAME and SHELL of that user. Returns 0, or -errno with `p`:
 * ENOENT no such user, EPERM the user is root, ENOMEM. identity_free() frees what was found.
 */
int identity_find(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p);

/* The same for a user whom the security policy names, who may be root. */
int identity_find_any(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p);

void identity_free(struct identity *id);

#endif
