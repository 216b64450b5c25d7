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

#endif
