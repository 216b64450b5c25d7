/* SPDX-License-Identifier: MIT */
/* The shell that a session at a terminal starts with. */
#ifndef AGENT_SESSIONS_SESSION_SHELL_H
#define AGENT_SESSIONS_SESSION_SHELL_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"

#define SESSION_SHELL "/bin/sh"

/*
 * Start an interactive shell as `job` at the terminal `slave`, which the caller keeps. The shell
 * runs in the cgroup of the directory `cgroup_fd` (-1: none), with the identity's environment and
 * TERM, in its home directory or "/". Returns 0, or -errno with `p`.
 */
int session_shell_start(
	struct job *job, const struct identity *id, int slave, int cgroup_fd, struct problem *p);

#endif
