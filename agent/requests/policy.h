/* SPDX-License-Identifier: MIT */
/* The security policy that the host puts on the config drive. */
#ifndef AGENT_REQUESTS_POLICY_H
#define AGENT_REQUESTS_POLICY_H

#include "base/problem.h"

/*
 * May the host run commands in this guest, restart its services and shut it down? Only when the
 * policy file says access.debug_exec. The file is read each time; one that is absent, unreadable or
 * wrong in any part, also one that does not matter here, means no. Returns 0, or -errno with `p`,
 * which says why not: -EACCES when the file is good and does not allow it.
 */
int policy_allow_exec(const char *path, struct problem *p);

#endif
