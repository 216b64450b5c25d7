/* SPDX-License-Identifier: MIT */
/* "No" in the words of the request that it answers. */
#ifndef AGENT_REQUESTS_REFUSAL_H
#define AGENT_REQUESTS_REFUSAL_H

#include "agent/wire/connection.h"
#include "protocol/messages.h"

enum refusal {
	REFUSAL_POLICY,      /* the security policy does not allow it */
	REFUSAL_UNSUPPORTED, /* this agent does not do that */
	REFUSAL_FAILED,      /* it was tried, or there is no room to try */
};

/*
 * Reply to a request of `kind` that nothing comes of: with the error of its own answer where that
 * has one (FsResult, ProcResult ...), which hosts show, and Error otherwise.
 */
void refuse(struct connection *c, enum message_kind kind, enum refusal why, const char *message);

#endif
