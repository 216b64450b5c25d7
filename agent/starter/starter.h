/* SPDX-License-Identifier: MIT */
/*
 * The starter: a process that the agent forks before anything else, and that keeps the capabilities
 * which the agent then gives up. It reads no byte of the host's, only the calls of the agent, which
 * it answers one by one: starting programs, signalling them, opening terminals. What it starts are
 * children of the agent (CLONE_PARENT), which waits for them as though it had started them.
 *
 * It does not do all that it is asked for. It looks users up by itself, starts nothing as root but
 * for the user that the security policy names, and signals only children of the agent. It ends when
 * the agent does.
 */
#ifndef AGENT_STARTER_STARTER_H
#define AGENT_STARTER_STARTER_H

#include "agent/agent_options.h"
#include "agent/starter/start.h"
#include "agent/starter/terminal.h"
#include "base/problem.h"

/* The agent's end. */
struct starter {
	int fd;                         /* of the socket; -1: this process does all by itself */
	struct start_defaults defaults; /* then */
};

/* One that does all in this process. */
void starter_none(struct starter *s);

/*
 * Fork the starter. `policy` is the path of the security policy. Returns 0, or -errno with `p`, and
 * then `s` is as starter_none() leaves it.
 */
int starter_begin(
	struct starter *s, const struct options *o, const char *policy, struct problem *p);

/* Let it end. */
void starter_close(struct starter *s);

/* The functions of start.h and terminal.h, done by it; -EPIPE when it has ended. */
int starter_program(
	const struct starter *s, const struct start_request *r, pid_t *pid, int *report_fd);
int starter_signal(const struct starter *s, pid_t pid, int signal);
void starter_kill_session(const struct starter *s, pid_t pid);
void starter_kill_listed(const struct starter *s, int cgroup_fd);
int starter_terminal(const struct starter *s, const struct account *user, uint16_t cols,
	uint16_t rows, struct terminal *t, struct problem *p);

/* passwd(5) and group(5) may have changed: it reads them again. */
void starter_reload(const struct starter *s);

#endif
