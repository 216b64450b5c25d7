/* SPDX-License-Identifier: MIT */
/*
 * ProcStart and what follows it: processes that a host starts, writes to, signals and waits for.
 * They run as the policy's user, in a session of their own, with the environment that the host
 * gives and no other, and do not outlive the agent. What they write is kept until somebody waits;
 * then it goes to everybody who waits. mvm-protocol(7) has the messages.
 */
#ifndef AGENT_REQUESTS_PROCESSES_H
#define AGENT_REQUESTS_PROCESSES_H

#include "agent/requests/handlers.h"

#define PROCESSES_MAX        32      /* that run at once */
#define PROCESSES_KEPT_MAX   64      /* with those that have ended */
#define PROCESS_KEPT_MS      60000   /* a process that has ended is known for so long */
#define PROCESS_WAITERS_MAX  16      /* of one process */
#define PROCESS_INPUT_MAX    1048576 /* bytes of input that wait for a process */
#define PROCESS_TOKEN_PREFIX "ptok-"

handle_request proc_start, proc_list, proc_signal, proc_kill, proc_send_input,
	proc_wait;

/* The agent stops: kill what runs and forget all. */
void processes_close(struct agent *a);

#endif
