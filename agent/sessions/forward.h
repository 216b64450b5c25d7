/* SPDX-License-Identifier: MIT */
/*
 * Forwarded ports: after StartPortForward the agent listens on vsock port 10000 + TCP port, and
 * connects each connection of the host to that TCP port on the guest's loopback. The directions end
 * independently. mvm-protocol(7), "Forwarded ports".
 */
#ifndef AGENT_SESSIONS_FORWARD_H
#define AGENT_SESSIONS_FORWARD_H

#include "agent/state.h"

#define FORWARDS_MAX  64  /* ports */
#define FORWARDED_MAX 256 /* connections of all ports */
#define FORWARD_CONNECT_MS                                                                         \
	60000 /* for the service to take a connection: its backlog may be full                     \
	       */

/* Handler of StartPortForward. */
void forward_requested(struct agent *a, struct connection *c, struct request *r);

/* The agent stops: close all forwards. */
void forwards_close(struct agent *a);

#endif
