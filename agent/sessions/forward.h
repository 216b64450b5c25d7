/* SPDX-License-Identifier: MIT */
/*
 * Forwarded ports: after StartPortForward the agent listens on vsock port 10000 plus the TCP port,
 * and joins each connection of the host there to that TCP port of the guest's loopback. Each
 * direction ends on its own. mvm-protocol(7), "Forwarded ports".
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

/* The agent stops: close all of it. */
void forwards_close(struct agent *a);

#endif
