/* SPDX-License-Identifier: MIT */
/* The log collector as a built-in service. */
#ifndef SUPERVISOR_COLLECTOR_SERVICE_H
#define SUPERVISOR_COLLECTOR_SERVICE_H

#include "supervisor/supervisor.h"

/* Add the collector to the supervisor. Services may have started earlier. Returns 0 or -errno. */
int collector_add(struct supervisor *s);

#endif
