/* SPDX-License-Identifier: MIT */
/*
 * When a program counts as running for the services after it. A successful execve(2) is not enough:
 * a program may fail at once, and the services that require it must then not start. So a service
 * with others after it is up once its program has slept for the first time, waiting for something,
 * or has run for a while.
 */
#ifndef SUPERVISOR_SETTLING_H
#define SUPERVISOR_SETTLING_H

#include "supervisor/service.h"

/* The program has begun: report MACHINE_EV_EXEC now or a moment later. */
void settling_begin(struct service *v);

/* The process has ended, or its service is to be freed. */
void settling_end(struct service *v);

#endif
