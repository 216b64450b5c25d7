/* SPDX-License-Identifier: MIT */
/*
 * Requests that PID 1 answers: Hello, Services, Logs, BootTimeline, Metrics, Restart, Shutdown,
 * Events, Reload and ReloadService. Restart, Shutdown and the last two require access.debug_exec,
 * as Exec does.
 */
#ifndef AGENT_REQUESTS_INIT_QUERY_H
#define AGENT_REQUESTS_INIT_QUERY_H

#include "agent/state.h"
#include "protocol/messages.h"

/* Handle one of these requests. */
void init_query_requested(struct agent *a, struct connection *c, struct request *r);

/* PID 1 announced new events: ask again for every client that waits. */
void init_query_events_came(struct agent *a);

#endif
