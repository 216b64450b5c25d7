/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_PREPARE_H
#define SUPERVISOR_PREPARE_H

#include "base/problem.h"
#include "supervisor/service.h"

/*
 * Look up the service's account and read its environment_file. Call this again when they may have
 * changed. Returns 0 or -errno with `p`; after an error the old variables stay.
 */
int service_prepare(struct service *v, struct problem *p);

/* Keep an error in the file of `name` for supervisor->reload. Does nothing at boot. */
void reload_keep_bad(struct supervisor *s, const char *name, const char *reason);

/* Keep the reason why a service cannot run, for its status. Nothing starts it from then on. */
void service_cannot_run(struct service *v, const char *reason);

/* Forget that reason. */
void service_clear_problem(struct service *v);

#endif
