/* SPDX-License-Identifier: MIT */
/*
 * All processes of a session, so that they can be killed together: a cgroup below the agent's own,
 * which init delegates to the agent (the kernel's cgroup-v2.rst, "Delegation"). Without a cgroup,
 * the processes with one session id, which a process can leave with setsid(2).
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
 * Create the group `kind`-`id`. Returns 0, or -errno with `p` if there is no cgroup; the group then
 * works by session id.
 */
int session_group_open(struct session_group *g, const char *kind, uint32_t id, struct problem *p);

/* Kill all its processes. `session` is the session id: the pid of its first process. */
void session_group_kill(const struct session_group *g, pid_t session);

/* Remove the group. False while it has processes: kill them, and try again later. */
bool session_group_remove(struct session_group *g);

#endif
