/* SPDX-License-Identifier: MIT */
/*
 * When a program counts as running for those that come after it. It has begun when its execve(2)
 * has succeeded, but one that fails at once has begun, too, and what requires it must not start.
 * So a service that others come after is up once its program has slept for the first time: it waits
 * for something, or it has been running for a while. How long that takes to be seen does not depend
 * on how busy the machine is, as long as there is a turn for it.
 */
#ifndef SUPERVISOR_SETTLING_H
#define SUPERVISOR_SETTLING_H

#include "supervisor/service.h"

/* The program has begun: report MACHINE_EV_EXEC now or a moment later. */
void settling_begin(struct service *v);

/* The process has ended, or its service is to be freed. */
void settling_end(struct service *v);

#endif
