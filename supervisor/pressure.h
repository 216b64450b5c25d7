/* SPDX-License-Identifier: MIT */
/*
 * What all services may have together, so that none of them takes it from the guest or from the
 * others. The group of all services has limits of memory and tasks (base/reserve.h). When its
 * memory comes to an end, PID 1 kills the service that holds most of it: the kernel would choose
 * the process with most pages of its own, which are not the pipes, sockets or segments that have
 * filled the memory. Between memory.high and memory.max the kernel slows down whoever takes more,
 * which is the time that PID 1 has. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef SUPERVISOR_PRESSURE_H
#define SUPERVISOR_PRESSURE_H

#include "base/problem.h"
#include "supervisor/service.h"

/*
 * Limit the memory of all services as `reserve` says, and begin to watch it. To be called before
 * the first service starts. What cannot be set is told to `report`.
 */
void pressure_open(
	struct supervisor *s, const struct reserve *reserve, const struct reporter *report);

/*
 * A moment later, because services need not wait for it: limit the tasks of all services, and
 * favour the guest's own programs.
 */
void pressure_open_rest(struct supervisor *s, const struct reporter *report);

/*
 * Count memory, CPU time and tasks of each service by itself, from now on. Cheap for groups that
 * are not there yet, dear for those that are: for boot, when the services run.
 */
void pressure_count_services(struct supervisor *s);

/*
 * The service's process has ended, and v->last.outcome.out_of_memory says whether the kernel has
 * killed anything of it: put down whether that was for the memory of all services.
 */
void pressure_explain_end(struct service *v);

/* A new life of the service, in the cgroup of the old one, may have tasks again. */
void pressure_uncap(struct service *v);

/* The service has a new cgroup, or is about to lose it. */
void pressure_watch(struct service *v);
void pressure_unwatch(struct service *v);

#endif
