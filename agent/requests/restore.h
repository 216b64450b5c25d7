/* SPDX-License-Identifier: MIT */
/*
 * After a snapshot: the host's Wake and PostRestore, and SIGUSR1, which PID 1 passes on. All three
 * do the same: thaw the services, set the clock, reseed the random numbers, remount the config and
 * secrets drives, give eth0 its new address, start the services with the new environment, and run
 * the restore_cmd of every integration. One run at a time; requests that arrive meanwhile wait for
 * its end.
 */
#ifndef AGENT_REQUESTS_RESTORE_H
#define AGENT_REQUESTS_RESTORE_H

#include "agent/state.h"
#include "protocol/messages.h"

/*
 * Handle Wake or PostRestore. The reply comes when everything is done, or after eight seconds: then
 * it names the step that is still running, and the run continues.
 */
void restore_requested(struct agent *a, struct connection *c, struct request *r);

/* Do the same without a client that waits. */
void restore_begin(struct agent *a);

#endif
