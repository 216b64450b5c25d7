/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_PREPARE_H
#define SUPERVISOR_PREPARE_H

#include "base/problem.h"
#include "supervisor/supervisor.h"

/*
 * Look up who the service runs as and put its environment together: the supervisor's base, HOME,
 * USER, LOGNAME and SHELL of the account, environment_file, [env], and the supervisor's override,
 * later ones winning. To be called again when any of these has changed. Returns 0 or -errno with
 * `p`.
 */
int service_prepare(struct service *v, struct problem *p);

/* Keep the reason why a service cannot run, for its status: nothing starts it any more. */
void service_cannot_run(struct service *v, const char *reason);

#endif
