/* SPDX-License-Identifier: MIT */
/*
 * ProcStart and what follows it: processes that a host starts, writes to, signals and waits for.
 * They run as the policy's user, in a session of their own, with the environment that the host
 * gives and no other, and do not outlive the agent. What they write is kept until somebody waits;
 * then it goes to everybody who waits. mvm-protocol(7) has the messages.
 */
#ifndef AGENT_REQUESTS_PROCESSES_H
#define AGENT_REQUESTS_PROCESSES_H

#include "agent/requests/process.h"

/* Handlers of the requests of these names. */
void proc_start(struct agent *a, struct connection *c, struct request *r);
void proc_list(struct agent *a, struct connection *c, struct request *r);
void proc_signal(struct agent *a, struct connection *c, struct request *r);
void proc_kill(struct agent *a, struct connection *c, struct request *r);
void proc_send_input(struct agent *a, struct connection *c, struct request *r);
void proc_wait(struct agent *a, struct connection *c, struct request *r);

/* The agent stops: kill what runs and forget all. */
void processes_close(struct agent *a);

#endif
