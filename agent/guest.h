/* SPDX-License-Identifier: MIT */
/*
 * Requests that PID 1 answers: Hello, Services, Logs, BootTimeline, Metrics, Restart and Shutdown.
 * Restart and Shutdown need the security policy's leave, as Exec does.
 */
#ifndef AGENT_GUEST_H
#define AGENT_GUEST_H

#include "agent/agent.h"
#include "agent/messages.h"

/* Handle one of these requests. */
void guest_requested(struct agent *a, struct connection *c, struct request *r);

#endif
