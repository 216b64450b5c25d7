/* SPDX-License-Identifier: MIT */
/* ProtocolHello: agrees on a version and tells the capabilities of this guest. */
#ifndef AGENT_REQUESTS_PROTOCOL_HELLO_H
#define AGENT_REQUESTS_PROTOCOL_HELLO_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

#define PROTOCOL_VERSION 1 /* the only version so far, of mvm's HEAD */

/*
 * Acknowledge, or report a mismatch of versions. The answer names the requested capabilities whose
 * requests are all served, and allowed by the policy now. Unknown ones are skipped. May come any
 * number of times. The connection stays open in both cases.
 */
void protocol_hello(struct agent *a, struct connection *c, struct request *r);

#endif
