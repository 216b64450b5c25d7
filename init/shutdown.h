/* SPDX-License-Identifier: MIT */
/* The way down, step by step and within the host's patience. */
#ifndef INIT_SHUTDOWN_H
#define INIT_SHUTDOWN_H

#include "init/guest.h"

/*
 * Stop the services, then the agent, then everything (power_end()). mvm's host ends the VMM two
 * seconds after Ctrl-Alt-Del; all of it takes at most 1.8 s, even when every service ignores TERM.
 * A second call changes nothing.
 */
void shutdown_begin(struct guest *g, enum power_action action);

/* Go on with a shutdown that has begun, when what it waits for has stopped. */
void shutdown_settle(struct guest *g);

/* For struct supervisor's `start_limit_hit`: the guest goes down as the service file says. */
void shutdown_start_limit_hit(struct supervisor *s, struct service *service);

#endif
