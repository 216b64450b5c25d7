/* SPDX-License-Identifier: MIT */
/* Refuses a request in the form of its own answer. */
#ifndef AGENT_REQUESTS_REFUSAL_H
#define AGENT_REQUESTS_REFUSAL_H

#include "agent/wire/connection.h"
#include "protocol/messages.h"

enum refusal {
	REFUSAL_POLICY,      /* the security policy forbids the request */
	REFUSAL_UNSUPPORTED, /* this agent does not serve the request */
	REFUSAL_FAILED,      /* serving it failed, or there is no room */
};

/*
 * Refuse a request of `kind`: with the error of its own answer if that has one (FsResult,
 * ProcResult ...), which hosts show, else with Error.
 */
void refuse(struct connection *c, enum message_kind kind, enum refusal why, const char *message);

#endif
