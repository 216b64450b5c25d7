/* SPDX-License-Identifier: MIT */
#include "agent/checks/identity.h"

#include "base/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int identities_load(struct identities *ids, struct problem *p)
{
	accounts_free(&ids->accounts);
	return accounts_load(&ids->accounts, "/etc/passwd", "/etc/group", p);
}

void identities_free(struct identities *ids)
{
	accounts_free(&ids->accounts);
}

/* ---- the environment ------------------------------------------------------------------------- */

#define OWN_NAMES 4

/* The variables that depend on the account. */
static void own_values(
	const struct account *a, const char *names[OWN_NAMES], const char *values[OWN_NAMES])
{
	names[0] = "HOME";
	values[0] = account_home(a);
	names[1] = "USER";
	values[1] = a->name;
	names[2] = "LOGNAME";
	values[2] = a->name;
	names[3] = "SHELL";
	values[3] = account_shell(a);
}

static bool is_own(const char *entry, const char *const names[OWN_NAMES])
{
	size_t len = strcspn(entry, "=");

	for (int i = 0; i < OWN_NAMES; i++)
		if (strlen(names[i]) == len && memcmp(names[i], entry, len) == 0)
			return true;
	return false;
}

static char **make_environment(const struct account *a)
{
	const char *names[OWN_NAMES], *values[OWN_NAMES];
	size_t count = OWN_NAMES + 1, text = 0, n = 0;
	char **env, *at, *end;

	own_values(a, names, values);
	for (char **e = environ; *e != NULL; e++)
		count++;
	for (int i = 0; i < OWN_NAMES; i++)
		text += strlen(names[i]) + strlen(values[i]) + 2;
	env = malloc(count * sizeof(*env) + text);
	if (env == NULL)
		return NULL;
	for (char **e = environ; *e != NULL; e++)
		if (!is_own(*e, names))
			env[n++] = *e;
	at = (char *)(env + count);
	end = at + text;
	for (int i = 0; i < OWN_NAMES; i++) {
		env[n++] = at;
		at += buf_format(at, (size_t)(end - at), "%s=%s", names[i], values[i]) + 1;
	}
	env[n] = NULL;
	return env;
}

/* ---- the user -------------------------------------------------------------------------------- */

static int find_account(
	const struct identities *ids, const char *user, struct account *out, struct problem *p)
{
	char number[16];

	if (user == NULL)
		user = ids->default_user;
	if (user == NULL) {
		buf_format(number, sizeof(number), "%u", (unsigned int)geteuid());
		user = number;
	}
	return accounts_find_user(&ids->accounts, user, out, p);
}

int identity_find(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p)
{
	int err = identity_find_any(ids, user, out, p);

	if (err != 0 || out->account.uid != 0)
		return err;
	identity_free(out);
	return problem_set_text(p, EPERM, "user '%s' is root, but the agent runs nothing as root",
		out->account.name);
}

int identity_find_any(
	const struct identities *ids, const char *user, struct identity *out, struct problem *p)
{
	int err;

	*out = (struct identity){ 0 };
	err = find_account(ids, user, &out->account, p);
	if (err != 0)
		return err;
	if (out->account.uid != geteuid())
		out->user = &out->account;
	out->environment = make_environment(&out->account);
	return out->environment != NULL ? 0 : problem_set(p, ENOMEM, "environment");
}

void identity_free(struct identity *id)
{
	free(id->environment);
	id->environment = NULL;
}
