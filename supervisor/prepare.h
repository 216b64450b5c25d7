/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_PREPARE_H
#define SUPERVISOR_PREPARE_H

#include "base/problem.h"
#include "supervisor/service.h"

/*
 * Look up who the service runs as, and read its environment_file. To be called again when that may
 * have changed. Returns 0 or -errno with `p`; then the variables are those that it had before.
 */
int service_prepare(struct service *v, struct problem *p);

/* Keep that something is wrong with the file of `name`, for supervisor->reload; not at boot. */
void reload_keep_bad(struct supervisor *s, const char *name, const char *reason);

/* Keep the reason why a service cannot run, for its status: nothing starts it any more. */
void service_cannot_run(struct service *v, const char *reason);

/* Forget it. */
void service_clear_problem(struct service *v);

#endif
