/* SPDX-License-Identifier: MIT */
/* Which function handles a request. */
#ifndef AGENT_REQUESTS_HANDLERS_H
#define AGENT_REQUESTS_HANDLERS_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

/*
 * Answer the request once, now or later: connection_reply() or a function that ends in it; or, for
 * a request that is answered by a stream, stream_begin(). The policy has allowed it. What the
 * handler wants to keep of the request's body it takes, and sets to NULL there.
 */
typedef void handle_request(struct agent *a, struct connection *c, struct request *r);

/* NULL: this agent does not serve it; request.c refuses. */
extern handle_request *const handlers[REQUEST_KINDS];

#endif
