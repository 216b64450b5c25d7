/* SPDX-License-Identifier: MIT */
/* The guest agent as a built-in service with listening sockets. */
#ifndef INIT_AGENT_H
#define INIT_AGENT_H

#include "init/guest.h"

/*
 * Bind vsock ports 52 and 5252. Any process may bind 5252, so call this before a service starts. An
 * image without an agent binds nothing.
 */
void agent_bind(struct guest *g);

/*
 * Add the agent as a built-in service that gets the listening sockets. While it is restarted, new
 * connections wait in the backlog. An image without an agent, or a kernel without vsock, is logged.
 */
void agent_add(struct guest *g);

#endif
