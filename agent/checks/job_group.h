/* SPDX-License-Identifier: MIT */
/*
 * A group of all processes of a job, which end together: a cgroup below the agent's own, which init
 * gave to the agent (the kernel's cgroup-v2.rst, "Delegation"). Without a cgroup, the group is a
 * session, which a process can leave by setsid(2).
 */
#ifndef AGENT_CHECKS_JOB_GROUP_H
#define AGENT_CHECKS_JOB_GROUP_H

#include "agent/starter/starter.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct job_group {
	int fd;        /* directory of the cgroup, or -1 */
	int parent;    /* directory of the agent's own cgroup */
	int events_fd; /* of its cgroup.events, once that was read; 0: not open */
	char name[24];
};

/* Open the directory of the agent's own cgroup. Returns a descriptor or -errno. */
int job_group_open_parent(void);

/*
 * Create the group `kind`-`id` in `parent`. Returns 0, or -errno if there is no cgroup; the group
 * still works, by session id.
 */
int job_group_open(struct job_group *g, int parent, const char *kind, uint32_t id);

/* Kill all processes. `session` is the session's id: the number of its first process. */
void job_group_kill(const struct job_group *g, const struct starter *starter, pid_t session);

/* Forget a group that is not removed. */
void job_group_close(struct job_group *g);

/* True if the group has a cgroup as good as a new one: no process, not frozen, none below it. */
bool job_group_is_empty(struct job_group *g);

/* Remove the group. False if it still has processes: try again later. */
bool job_group_remove(struct job_group *g);

#endif
