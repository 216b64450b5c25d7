/* SPDX-License-Identifier: MIT */
/* Handles requests, from a frame's body to the reply. */
#ifndef AGENT_REQUESTS_REQUEST_H
#define AGENT_REQUESTS_REQUEST_H

#include "agent/wire/connection.h"

#include <stddef.h>

/*
 * Handle the request in `body`. The owner of the connection's server must be a struct agent. A body
 * that is not a request gets an Error, and the connection is closed.
 */
void request_received(struct connection *c, const char *body, size_t len);

#endif
