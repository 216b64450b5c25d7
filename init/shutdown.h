/* SPDX-License-Identifier: MIT */
/* Shutdown, step by step, within the time that the host allows. */
#ifndef INIT_SHUTDOWN_H
#define INIT_SHUTDOWN_H

#include "init/guest.h"

/*
 * Stop the services, then the agent, then everything (power_end()). mvm's host ends the VMM two
 * seconds after Ctrl-Alt-Del, so shutdown takes at most 1.8 s, even when every service ignores
 * TERM. A second call has no effect.
 */
void shutdown_begin(struct guest *g, enum power_action action);

/* Go on with a shutdown when the services, or the agent, have stopped. */
void shutdown_settle(struct guest *g);

/* For struct supervisor's `start_limit_hit`: do the start_limit_action of the service. */
void shutdown_start_limit_hit(struct supervisor *s, struct service *service);

#endif
