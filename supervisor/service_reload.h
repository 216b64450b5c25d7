/* SPDX-License-Identifier: MIT */
/*
 * A service that reads its configuration again: reload_signal or reload_command, in the words of
 * systemd.service(5), ExecReload= and Type=notify-reload. When it is over is the state machine's to
 * say. A reload that fails leaves the service as it is.
 */
#ifndef SUPERVISOR_SERVICE_RELOAD_H
#define SUPERVISOR_SERVICE_RELOAD_H

#include "base/problem.h"
#include "supervisor/service.h"

/*
 * Begin a reload. Returns 0: v->reload.number is its own, and v->reload.ended will be no less when
 * it is over; -EAGAIN when the service is on its way up or reloads already, and it is to be asked
 * for later; or another -errno with `p`: it does not run, or its file says no way.
 */
int service_reload_begin(struct service *v, struct problem *p);

/* Send the signal or start the command: the state machine asks for it. */
void service_reload_act(struct service *v);

/* The service has left the state of a reload: keep how it went, and log a failure. */
void service_reload_over(struct service *v);

/* Whose reload_command this process is, or NULL. */
struct service *service_reload_find(struct supervisor *s, pid_t pid);

/* reload_command has ended, with this wait(2) status. */
void service_reload_command_ended(struct service *v, int status);

#endif
