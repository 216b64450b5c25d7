/* SPDX-License-Identifier: MIT */
/* The guest agent as PID 1 sees it: a service with a listening socket. */
#ifndef INIT_AGENT_H
#define INIT_AGENT_H

#include "init/guest.h"

/*
 * Bind vsock ports 52, which only a privileged process may, and 5252, which any process may: so it
 * happens before a service starts. Nothing is bound for an image without an agent.
 */
void agent_bind(struct guest *g);

/*
 * Add the agent as a built-in service that gets the listening sockets: connections that come while
 * it is being restarted wait in the backlog. Without an agent in the image or without vsock there
 * is none; either is logged.
 */
void agent_add(struct guest *g);

#endif
