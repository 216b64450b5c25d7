/* SPDX-License-Identifier: MIT */
/*
 * How a guest's memory and tasks are divided between the guest itself (PID 1, the agent, the log
 * collector and the kernel) and all services together.
 */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdint.h>

#define RESERVE_AUTOMATIC UINT64_MAX

/* Bytes and tasks. */
struct reserve {
	uint64_t kept;        /* bytes that services cannot have */
	uint64_t memory_max;  /* bytes for all services together; beyond, the kernel kills processes
			       */
	uint64_t memory_high; /* a little less: from here on PID 1 looks for the service that uses
				 most */
	uint64_t tasks_max;   /* tasks of all services together */
	uint64_t tasks_high;  /* three quarters of them: then the service with most gets no more */
};

/*
 * Divide the `available` bytes that are free before the first service starts between the guest and
 * `services` services. The guest keeps 6 MiB, 1/32 of `available` (at most 1 GiB), and 68 KiB for
 * the last output of each service, but never more than half. `kept` replaces that sum unless it is
 * RESERVE_AUTOMATIC; 0 leaves the services everything. `tasks` is the kernel's limit
 * (kernel.threads-max) and `running` the number of tasks now.
 */
void reserve_divide(uint64_t available, uint64_t kept, uint64_t services, uint64_t tasks,
	uint64_t running, struct reserve *out);

/* Bytes of memory that are free now, buffers included: sysinfo(2). 0 when the kernel cannot say. */
uint64_t reserve_available(void);

#endif
