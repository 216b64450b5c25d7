/* SPDX-License-Identifier: MIT */
/* The agent as a whole: how it starts, runs and stops. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/state.h"
#include "base/problem.h"

extern const struct agent_paths agent_default_paths;

/*
 * Start: the starter (starter/starter.h); read options, definitions and history, listen, run the
 * first checks. From here on the signals TERM, INT, HUP and CHLD are blocked, and agent_run() reads
 * them. Returns 0, or -errno with `p` if the agent cannot work; the process should then exit.
 */
int agent_start(struct agent *a, const struct options *o, const struct agent_paths *paths,
	struct problem *p);

/*
 * Enter the cage (cage.h) and serve until SIGTERM or SIGINT, or until the listening socket fails.
 * Then stop all checks, save the history and close everything. Returns 0, or -errno with `p`.
 */
int agent_run(struct agent *a, struct problem *p);

#endif
