/* SPDX-License-Identifier: MIT */
/* The environment of a process, made of strings that others own. */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H

#include "base/problem.h"
#include "supervisor/service.h"

#define ENVIRONMENT_MAX 512 /* variables of one service */

struct environment {
	char *list[ENVIRONMENT_MAX + 1]; /* NULL-terminated */
	size_t count;
	bool full; /* a variable did not fit */
	char notify_socket[128], watchdog[48];
};

/*
 * Collect the variables of the service's processes. Later sources win: the supervisor's base; HOME,
 * USER, LOGNAME and SHELL of the account; environment_file; [env]; NOTIFY_SOCKET and WATCHDOG_USEC,
 * which pre_start does not get; the supervisor's overrides. The strings are not copied. Returns 0,
 * or -E2BIG with `p`.
 */
int environment_of(
	const struct service *v, struct environment *out, bool pre_start, struct problem *p);

/* Add "NAME=value", which stays the caller's, in the place of an earlier NAME. */
void environment_set(struct environment *e, char *variable);

/*
 * If the service has a health check, write its environment to a file for the agent
 * (base/environment_file.h), without NOTIFY_SOCKET and WATCHDOG_USEC, which are for the command
 * alone. Does nothing without an agent. A failure is logged.
 */
void environment_publish(const struct service *v);

/* Remove that file. */
void environment_withdraw(const struct service *v);

#endif
