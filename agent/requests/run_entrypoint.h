/* SPDX-License-Identifier: MIT */
/*
 * RunEntrypoint: the image's entrypoint (entrypoint.h) is run once, in a directory of its own that
 * is removed afterwards, and what it writes is sent while it runs. One at a time.
 */
#ifndef AGENT_REQUESTS_RUN_ENTRYPOINT_H
#define AGENT_REQUESTS_RUN_ENTRYPOINT_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

#define ENTRYPOINT_OUTPUT_MAX 1048576 /* bytes of each stream: more ends it with PayloadCap */
#define ENTRYPOINT_KILL_MS    2000    /* from SIGTERM to SIGKILL */

void run_entrypoint(struct agent *a, struct connection *c, struct request *r);

/* The agent stops, and its jobs are killed: forget the call, if there is one. */
void run_entrypoint_close(struct agent *a);

#endif
