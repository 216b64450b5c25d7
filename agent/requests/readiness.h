/* SPDX-License-Identifier: MIT */
/* ReadinessStatus: the progress of the guest's start. */
#ifndef AGENT_REQUESTS_READINESS_H
#define AGENT_REQUESTS_READINESS_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

/*
 * Parts that this guest does not have are "disabled", which hosts treat as ready. Integrations are
 * "starting" until each was healthy or its grace time is over, probes until each has run.
 */
void readiness_status(struct agent *a, struct connection *c, struct request *r);

#endif
