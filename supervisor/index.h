/* SPDX-License-Identifier: MIT */
/*
 * What keeps the supervisor's work per event the same however many services there are: services by
 * name and by pid, who starts behind whom, and how many are on their way or active.
 */
#ifndef SUPERVISOR_INDEX_H
#define SUPERVISOR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct service;
struct supervisor;

#define INDEX_BUCKETS 256

/* A service's places in the index. */
struct index_entry {
	struct service *next_of_name, *next_of_pid; /* in the same bucket */
	struct service **dependents;                /* those with it in `after` or `requires` */
	size_t dependent_count;
	bool on_its_way, active; /* as it was counted last */
};

struct index {
	struct service *by_name[INDEX_BUCKETS], *by_pid[INDEX_BUCKETS];
	size_t on_their_way; /* services of files that are to run, and neither do nor have ended */
	size_t active[2];    /* services with processes: those of files, the built-in ones */
};

/* The service has a name; it is to be freed: it is nowhere in the index any more. */
void index_add(struct service *v);
void index_remove(struct service *v);

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
