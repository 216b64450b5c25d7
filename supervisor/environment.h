/* SPDX-License-Identifier: MIT */
/* The environment of a process, put together from strings that others own. */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H

#include "base/problem.h"
#include "supervisor/service.h"

#define ENVIRONMENT_MAX 512 /* variables of one service */

struct environment {
	char *list[ENVIRONMENT_MAX + 1]; /* NULL-terminated */
	size_t count;
	bool full; /* a variable had no place */
	char notify_socket[128], watchdog[48];
};

/*
 * Everything that the service's processes get, later ones winning: the supervisor's base, HOME,
 * USER, LOGNAME and SHELL of the account, environment_file, [env], NOTIFY_SOCKET, WATCHDOG_USEC,
 * the supervisor's override. pre_start gets no NOTIFY_SOCKET. The strings stay their owners'.
 * Returns 0, or -E2BIG with `p`.
 */
int environment_of(
	const struct service *v, struct environment *out, bool pre_start, struct problem *p);

/*
 * Leave the environment of a service for its health check, where it has one
 * (base/environment_file.h), without NOTIFY_SOCKET and WATCHDOG_USEC: those are the command's.
 * Without an agent there is nobody to read it. What cannot be written is logged.
 */
void environment_publish(const struct service *v);

/* Take that file away. */
void environment_withdraw(const struct service *v);

#endif
