/* SPDX-License-Identifier: MIT */
/*
 * The limits on memory and tasks of all services together (base/reserve.h), so that no service
 * takes them from the guest or from the others. When the memory is used up, PID 1 kills the service
 * that holds most of it. The kernel would instead kill the process with most pages of its own,
 * although pipes, sockets or shared memory may have filled the memory. Between memory.high and
 * memory.max the kernel slows services down when they take more, which gives PID 1 time to act.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef SUPERVISOR_PRESSURE_H
#define SUPERVISOR_PRESSURE_H

#include "base/problem.h"
#include "supervisor/service.h"

/*
 * Limit the memory of all services to `reserve` and begin to watch it. Call this before the first
 * service starts. Failures are told to `report`.
 */
void pressure_open(
	struct supervisor *s, const struct reserve *reserve, const struct reporter *report);

/*
 * Limit the tasks of all services, and give the guest's own programs more CPU and I/O. Called after
 * the first services have started, because they need not wait for it.
 */
void pressure_open_rest(struct supervisor *s, const struct reporter *report);

/*
 * Count memory, CPU time and tasks of each service separately from now on. That is cheap for groups
 * that are made later and expensive for existing ones, so boot calls it when the services run.
 */
void pressure_count_services(struct supervisor *s);

/*
 * The service's process has ended, and v->last.outcome.out_of_memory says whether the kernel has
 * killed one of its processes. Note whether the reason was the memory of all services.
 */
void pressure_explain_end(struct service *v);

/*
 * True if no service may start now, because the memory of one that was killed is not free yet and a
 * new process could be killed for it. s->reconsider() is called for each service when it is.
 */
bool pressure_holds_back(struct supervisor *s);

/* Remove the cap on tasks, for a new run in the same cgroup. */
void pressure_uncap(struct service *v);

/* Watch a new cgroup of the service; stop before the cgroup is closed. */
void pressure_watch(struct service *v);
void pressure_unwatch(struct service *v);

#endif
