/* SPDX-License-Identifier: MIT */
/*
 * What keeps the supervisor's work per event the same however many services there are: services by
 * name and by pid, who starts behind whom, and how many are on their way or active.
 */
#ifndef SUPERVISOR_INDEX_H
#define SUPERVISOR_INDEX_H

#include "supervisor/service.h"

#include <sys/types.h>

/* The service has a name; it is to be freed: it is nowhere in the index any more. */
void index_add(struct service *v);
void index_remove(struct service *v);

/* The service of that name, or NULL. */
struct service *supervisor_find(struct supervisor *s, const char *name);

/* The service has a process (v->pid), or it is about to have none. */
void index_add_pid(struct service *v);
void index_remove_pid(struct service *v);

/* The service with that process, or NULL. */
struct service *index_find_pid(struct supervisor *s, pid_t pid);

/* Its state, what is wanted of it, or its problem has changed: count it anew. */
void index_count(struct service *v);

/*
 * Services, or their `after` and `requires`, have changed: see anew who starts behind whom. Without
 * memory for that the order is not kept, which is logged.
 */
void index_order(struct supervisor *s);

#endif
