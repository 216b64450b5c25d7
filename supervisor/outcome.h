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
	bool failed_to_run; /* its child did not get as far as its program */
	bool in_pre_start;
	bool out_of_memory; /* memory_max was reached */
	bool services_full; /* what all services may have together was used up, */
	uint32_t held_mib;  /* and it held so much of that; 0: unknown */
};

#endif
