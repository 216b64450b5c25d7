/* SPDX-License-Identifier: MIT */
/* Requests: from a frame's body to the reply. */
#ifndef AGENT_REQUESTS_REQUEST_H
#define AGENT_REQUESTS_REQUEST_H

#include "agent/wire/connection.h"

#include <stddef.h>

/*
 * Handle the request in `body` that has come on a connection of a server whose owner is a struct
 * agent. What is no request is answered with Error, and the connection closed.
 */
void request_received(struct connection *c, const char *body, size_t len);

#endif
