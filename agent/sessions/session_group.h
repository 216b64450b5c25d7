/* SPDX-License-Identifier: MIT */
/*
 * All processes of a session, to be ended together: a cgroup below the agent's own, which init has
 * given to the agent (the kernel's cgroup-v2.rst, "Delegation"). Where that cannot be had, those of
 * one session id, which a process leaves by setsid(2).
 */
#ifndef AGENT_SESSIONS_SESSION_GROUP_H
#define AGENT_SESSIONS_SESSION_GROUP_H

#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct session_group {
	int fd; /* directory of the cgroup, or -1 */
	char path[256];
};

/*
 * Make the group `kind`-`id`. Returns 0, or -errno with `p`: the group is then one of a session id
 * only, and can be used all the same.
 */
int session_group_open(struct session_group *g, const char *kind, uint32_t id, struct problem *p);

/* Kill all of it. `session` is the session's id: the number of its first process. */
void session_group_kill(const struct session_group *g, pid_t session);

/* Remove the group. False while there are processes in it: kill them, and try again later. */
bool session_group_remove(struct session_group *g);

#endif
