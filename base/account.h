/* SPDX-License-Identifier: MIT */
/* Users and groups from passwd(5) and group(5), read directly: a static program has no NSS. */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include "base/problem.h"

#include <stddef.h>
#include <sys/types.h>

#define ACCOUNT_NAME_MAX   64  /* bytes of a user or group name, terminator included */
#define ACCOUNT_PATH_MAX   256 /* bytes of a home directory or shell, terminator included */
#define ACCOUNT_GROUPS_MAX 64  /* supplementary groups of one user */

/* The text of both files, kept for look-ups. */
struct accounts {
	char *passwd;
	char *group;
};

struct account {
	char name[ACCOUNT_NAME_MAX];
	uid_t uid;
	gid_t gid;
	char home[ACCOUNT_PATH_MAX];
	char shell[ACCOUNT_PATH_MAX];
	gid_t groups[ACCOUNT_GROUPS_MAX]; /* supplementary groups, the primary one first */
	size_t group_count;
};

/*
 * Read `passwd_path` and `group_path`, 1 MiB each at most. A file that is absent or unreadable
 * counts as empty; the first such problem is described in `p` and its -errno returned, and look-ups
 * work on the rest.
 */
int accounts_load(
	struct accounts *a, const char *passwd_path, const char *group_path, struct problem *p);

/*
 * Tell `report` of each line that no look-up can use, with its file, number and fault. A user on
 * such a line cannot be found; a group on one is left out of its members' groups.
 */
void accounts_check(const struct accounts *a, const char *passwd_path, const char *group_path,
	const struct reporter *report);

/* Free what accounts_load() read. */
void accounts_free(struct accounts *a);

/*
 * Find the user `name`, or, when no user has that name and it is a decimal number, the user with
 * that uid; a number that no line has is used as uid and gid, with home "/". Supplementary groups
 * are those that list the user as a member and have a valid gid. A line may end after the home
 * directory. Returns 0, or -errno with `p`: ENOENT no such user, EINVAL a line that cannot be
 * understood, E2BIG more than ACCOUNT_GROUPS_MAX groups.
 */
int accounts_find_user(
	const struct accounts *a, const char *name, struct account *out, struct problem *p);

/* Find the group `name`, or take a decimal number as gid. Returns as accounts_find_user(). */
int accounts_find_group(const struct accounts *a, const char *name, gid_t *gid, struct problem *p);

/* The home directory and the shell, or "/" and /bin/sh where the line has none (passwd(5)). */
const char *account_home(const struct account *a);
const char *account_shell(const struct account *a);

#endif
