/* SPDX-License-Identifier: MIT */
/* A service's environment for its health check. PID 1 writes it: supervisor/environment.h. */
#ifndef AGENT_CHECKS_SERVICE_ENVIRONMENT_H
#define AGENT_CHECKS_SERVICE_ENVIRONMENT_H

#include "base/account.h"

struct service_environment {
	char **list;           /* NULL-terminated; one piece of memory with the text */
	const char *directory; /* of the service; NULL: not for another user, who may lack access */
};

/*
 * Read the environment of the latest start of `service`, for a command that runs as `a`: USER,
 * LOGNAME and SHELL are those of `a`. Returns 0, or -errno if it cannot be read.
 * service_environment_free() frees it.
 */
int service_environment_read(
	const char *service, const struct account *a, struct service_environment *out);

void service_environment_free(struct service_environment *e);

#endif
