/* SPDX-License-Identifier: MIT */
/* How a process of a service has ended. */
#ifndef SUPERVISOR_OUTCOME_H
#define SUPERVISOR_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

struct outcome {
	int32_t status;     /* of wait(2) */
	int16_t error;      /* errno value with `failed_to_run`, or when no process was made */
	uint8_t stage;      /* enum spawn_stage, with `failed_to_run` */
	bool failed_to_run; /* the child failed before it became the program */
	bool in_pre_start;
	bool out_of_memory; /* memory_max was reached */
	bool services_full; /* the memory for all services was used up */
	uint32_t held_mib;  /* and this service held so much of it; 0: unknown */
};

#endif
