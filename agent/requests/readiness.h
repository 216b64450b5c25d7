/* SPDX-License-Identifier: MIT */
/* ReadinessStatus: how far the guest's start has come. */
#ifndef AGENT_REQUESTS_READINESS_H
#define AGENT_REQUESTS_READINESS_H

#include "agent/state.h"
#include "agent/wire/connection.h"
#include "protocol/messages.h"

/*
 * The parts that this guest does not have are disabled, which hosts take for ready. Integrations
 * are starting until each has been healthy or its grace time is over; probes until each has run.
 */
void readiness_status(struct agent *a, struct connection *c, struct request *r);

#endif
