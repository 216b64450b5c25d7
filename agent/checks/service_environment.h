/* SPDX-License-Identifier: MIT */
/* What PID 1 gives a service, for the service's health check: see supervisor/environment.h. */
#ifndef AGENT_CHECKS_SERVICE_ENVIRONMENT_H
#define AGENT_CHECKS_SERVICE_ENVIRONMENT_H

#include "base/account.h"

struct service_environment {
	char **list;           /* NULL-terminated; one piece of memory with the text */
	const char *directory; /* the service's; NULL: of another user, who may not get there */
};

/*
 * Read the environment of the latest start of `service`, for a command that runs as `a`: USER,
 * LOGNAME and SHELL are those of `a`. Returns 0, or -errno when there is none that can be read.
 * service_environment_free() frees it.
 */
int service_environment_read(
	const char *service, const struct account *a, struct service_environment *out);

void service_environment_free(struct service_environment *e);

#endif
