/* SPDX-License-Identifier: MIT */
/* ProtocolHello: which version of the protocol, and what this guest can do and may. */
#ifndef AGENT_REQUESTS_PROTOCOL_HELLO_H
#define AGENT_REQUESTS_PROTOCOL_HELLO_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

#define PROTOCOL_VERSION 1 /* the only one that there is, of mvm's HEAD */

/*
 * Acknowledge, or say that the versions have nothing in common. Of the capabilities that the host
 * asks for, those are named whose requests are all served and allowed by the policy now; unknown
 * ones are skipped. May come any number of times; the connection goes on in both cases.
 */
void protocol_hello(struct agent *a, struct connection *c, struct request *r);

#endif
