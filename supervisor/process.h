/* SPDX-License-Identifier: MIT */
/* The processes of one service: starting, signalling. */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include "base/problem.h"
#include "supervisor/service.h"

#define PROCESS_NOT_MADE "cannot make a process"

/*
 * Start pre_start (as root) or the command: v->pid is there at once or later, unless the
 * supervisor's not_started() is called in its place. Returns 0 or -errno with `p`; nothing was
 * started then.
 */
int process_start(struct service *v, bool pre_start, struct problem *p);

/* Send a signal to everything that belongs to the service. Only to processes that have not been
 * reaped. */
void process_signal(struct service *v, int signal);

/*
 * Ask all of it to end: the frozen go on, then TERM (stop_signal), then CONT, so that one that was
 * stopped can act on its TERM.
 */
void process_stop(struct service *v);

/* True if the service has no process, and none is on its way. */
bool process_is_gone(const struct service *v);

/* Read what the child said before it ended, if it could not run its program. */
void process_take_report(struct service *v);

#endif
