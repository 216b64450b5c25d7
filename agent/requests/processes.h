/* SPDX-License-Identifier: MIT */
/*
 * Processes that a host starts (ProcStart), writes to, signals and waits for. They run as the
 * policy's user, in their own session, with only the environment that the host gives. They do not
 * outlive the agent. Output is kept until a client waits, and then goes to every waiting client.
 * mvm-protocol(7) has the messages.
 */
#ifndef AGENT_REQUESTS_PROCESSES_H
#define AGENT_REQUESTS_PROCESSES_H

#include "agent/requests/process.h"

/* Handlers of the requests with these names. */
void proc_start(struct agent *a, struct connection *c, struct request *r);
void proc_list(struct agent *a, struct connection *c, struct request *r);
void proc_signal(struct agent *a, struct connection *c, struct request *r);
void proc_kill(struct agent *a, struct connection *c, struct request *r);
void proc_send_input(struct agent *a, struct connection *c, struct request *r);
void proc_wait(struct agent *a, struct connection *c, struct request *r);

/* The agent stops: kill and free all processes. */
void processes_close(struct agent *a);

#endif
