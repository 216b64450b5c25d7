/* SPDX-License-Identifier: MIT */
/* The security policy of this guest (policy.h), with what its image says, and as whom hosts act. */
#ifndef AGENT_REQUESTS_GUEST_POLICY_H
#define AGENT_REQUESTS_GUEST_POLICY_H

#include "agent/requests/policy.h"
#include "agent/state.h"

/* Read the policy, as policy_read() does. */
void guest_policy_read(const struct agent *a, struct policy *policy);

/*
 * The user as whom a host acts: the policy's, who may be root where the policy says so, or else the
 * default user of the checks. `wanted` names another one, or is NULL: where the policy's is root,
 * any user may be wanted, and otherwise none but that one. Returns 0, or -errno with `p`;
 * identity_free() frees what was found.
 */
int guest_policy_identity(
	struct agent *a, const char *wanted, struct identity *id, struct problem *p);

#endif
