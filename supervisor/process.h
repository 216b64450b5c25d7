/* SPDX-License-Identifier: MIT */
/* The processes of one service: starting, signalling. */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include "base/problem.h"
#include "supervisor/service.h"

#define PROCESS_NOT_MADE "cannot make a process"

/*
 * Start pre_start (as root) or the command. v->pid is set at once or later; if no process can be
 * made later, the supervisor's not_started() is called. Returns 0, or -errno with `p` when nothing
 * was started.
 */
int process_start(struct service *v, bool pre_start, struct problem *p);

/* Send a signal to all processes of the service, but never to a pid that was reaped. */
void process_signal(struct service *v, int signal);

/*
 * Ask all processes to end: thaw them, send TERM (or stop_signal), then CONT, so that a stopped
 * process can act on TERM.
 */
void process_stop(struct service *v);

/* As process_stop(), but with ABRT: the watchdog has expired, maybe because the process was
 * stopped.
 */
void process_abort(struct service *v);

/*
 * Start reload_command as the command is started, with MAINPID in its environment (0: it is not
 * known), for v->reload.launch and its `changed`. Returns as process_start().
 */
int process_start_reload(struct service *v, pid_t main_pid, void (*changed)(struct launch *launch),
	struct problem *p);

/* Kill reload_command, where it runs, and what it has started. */
void process_kill_reload(struct service *v);

/* True if the service has no process, and none is being started. */
bool process_is_gone(const struct service *v);

/* Read why the child could not run its program, if so. */
void process_take_report(struct service *v);

#endif
