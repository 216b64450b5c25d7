/* SPDX-License-Identifier: MIT */
/*
 * Look-ups that make an event cost the same however many services there are: services by name and
 * by pid, the dependents of each service, and how many services are starting, stopping or active.
 */
#ifndef SUPERVISOR_INDEX_H
#define SUPERVISOR_INDEX_H

#include "supervisor/service.h"

#include <sys/types.h>

/* Add a service that has its name; remove all traces of one that is about to be freed. */
void index_add(struct service *v);
void index_remove(struct service *v);

/* Find the service of that name, or NULL. */
struct service *supervisor_find(struct supervisor *s, const char *name);

/* Add the service under its process (v->pid); remove it before v->pid changes. */
void index_add_pid(struct service *v);
void index_remove_pid(struct service *v);

/* Find the service with that process, or NULL. */
struct service *index_find_pid(struct supervisor *s, pid_t pid);

/* Update the counts after the service's state, `wanted` or `problem` has changed. */
void index_count(struct service *v);

/*
 * Find the dependents of each service again, after services or their `after` and `requires` have
 * changed. Without memory for that the order is not kept; that is logged.
 */
void index_order(struct supervisor *s);

#endif
