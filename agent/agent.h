/* SPDX-License-Identifier: MIT */
/* The agent as a whole: how it starts, runs and stops. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/state.h"
#include "base/problem.h"

extern const struct agent_paths agent_default_paths;

/*
 * Start: options, definitions, history, the listening socket, and the first checks. Signals TERM,
 * INT, HUP and CHLD are blocked from here on, and read by agent_run(). Returns 0, or -errno with
 * `p` when the agent cannot do its work; the process is expected to exit then.
 */
int agent_start(struct agent *a, const struct options *o, const struct agent_paths *paths,
	struct problem *p);

/*
 * Serve until SIGTERM or SIGINT, or until the listening socket fails. Then stop all checks, save
 * the history and close everything. Returns 0, or -errno with `p`.
 */
int agent_run(struct agent *a, struct problem *p);

#endif
