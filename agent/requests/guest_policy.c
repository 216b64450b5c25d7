/* SPDX-License-Identifier: MIT */
#include "agent/requests/guest_policy.h"

#include <errno.h>

void guest_policy_read(const struct agent *a, struct policy *policy)
{
	const struct policy_defaults image = { .dev = a->options.dev,
		.has_drive = a->options.config_drive != NULL,
		.user = a->options.dev_user };

	policy_read(a->paths.policy, &image, policy);
}

int guest_policy_identity(
	struct agent *a, const char *wanted, struct identity *id, struct problem *p)
{
	struct policy policy;
	struct identity other;
	int err;

	guest_policy_read(a, &policy);
	err = policy.user[0] != '\0' ? identity_find_any(&a->identities, policy.user, id, p)
				     : identity_find(&a->identities, NULL, id, p);
	if (err != 0 || wanted == NULL)
		return err;
	err = identity_find_any(&a->identities, wanted, &other, p);
	if (err == 0 && other.account.uid != id->account.uid && id->account.uid != 0) {
		err = problem_set_text(p, EPERM,
			"user '%s': the security policy lets hosts act as %s only (access.user)",
			wanted, id->account.name);
		identity_free(&other);
	}
	identity_free(id);
	*id = other;
	if (err == 0 && id->user != NULL)
		id->user = &id->account;
	return err;
}
