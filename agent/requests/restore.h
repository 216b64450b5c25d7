/* SPDX-License-Identifier: MIT */
/*
 * After a snapshot: Wake and PostRestore of the host, and SIGUSR1 to PID 1, which passes it on. All
 * three do the same: thaw the services, set the clock, reseed the random numbers, mount the config
 * and secrets drives afresh, re-address eth0, start the services with the new environment, and run
 * the restore_cmd of every integration. There is one such run at a time; who asks meanwhile waits
 * for it.
 */
#ifndef AGENT_REQUESTS_RESTORE_H
#define AGENT_REQUESTS_RESTORE_H

#include "agent/state.h"
#include "protocol/messages.h"

/*
 * Handle Wake or PostRestore. The reply comes when all is done, or after eight seconds with what is
 * still pending, which goes on.
 */
void restore_requested(struct agent *a, struct connection *c, struct request *r);

/* Do the same with nobody waiting for a reply. */
void restore_begin(struct agent *a);

#endif
