/* SPDX-License-Identifier: MIT */
/*
 * The starter: a process that the agent forks first of all. The starter keeps the capabilities that
 * the agent then gives up. The starter reads no bytes from a host, only calls from the agent: to
 * start a program, to signal one, to open a terminal. The programs become children of the agent
 * (CLONE_PARENT), which waits for them as if it had started them.
 *
 * The starter refuses calls that would exceed the agent's task. It looks users up itself, starts a
 * program as root only if the security policy names root as the user, and signals only children of
 * the agent. The starter ends when the agent ends.
 */
#ifndef AGENT_STARTER_STARTER_H
#define AGENT_STARTER_STARTER_H

#include "agent/agent_options.h"
#include "agent/starter/start.h"
#include "agent/starter/terminal.h"
#include "base/problem.h"

/* The agent's end. */
struct starter {
	int fd; /* of the socket; -1: no starter, this process acts itself */
	struct start_defaults defaults; /* if there is no starter */
};

/* No starter: this process acts itself. */
void starter_none(struct starter *s);

/*
 * Fork the starter. `policy` is the path of the security policy. Returns 0, or -errno with `p`;
 * then `s` is as after starter_none().
 */
int starter_begin(
	struct starter *s, const struct options *o, const char *policy, struct problem *p);

/* Let the starter end. */
void starter_close(struct starter *s);

/* The functions of start.h and terminal.h, called in the starter; -EPIPE if it has ended. */
int starter_program(
	const struct starter *s, const struct start_request *r, pid_t *pid, int *report_fd);
int starter_signal(const struct starter *s, pid_t pid, int signal);
void starter_kill_session(const struct starter *s, pid_t pid);
void starter_kill_listed(const struct starter *s, int cgroup_fd);
int starter_terminal(const struct starter *s, const struct account *user, uint16_t cols,
	uint16_t rows, struct terminal *t, struct problem *p);

/* Have the starter read passwd(5) and group(5) again: they may have changed. */
void starter_reload(const struct starter *s);

#endif
