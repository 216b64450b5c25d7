/* SPDX-License-Identifier: MIT */
/* Finds the function that handles a request. */
#ifndef AGENT_REQUESTS_HANDLERS_H
#define AGENT_REQUESTS_HANDLERS_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

/*
 * Answer a request that the policy allows: exactly once, now or later, with connection_reply() or a
 * function that calls it, or with stream_begin() for a stream. To keep parts of the request's body,
 * the handler takes them and sets them to NULL there.
 */
typedef void handle_request(struct agent *a, struct connection *c, struct request *r);

/* The handler; NULL if this agent does not serve the request, which request.c then refuses. */
extern handle_request *const handlers[REQUEST_KINDS];

#endif
