/* SPDX-License-Identifier: MIT */
/*
 * The latest changes of state of all services, numbered from 1 since boot, in a ring of fixed size.
 * A reader that comes too late learns how many were lost. Nothing here allocates.
 */
#ifndef SUPERVISOR_EVENTS_H
#define SUPERVISOR_EVENTS_H

#include "supervisor/machine.h"
#include "supervisor/outcome.h"
#include "supervisor/service.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENTS_KEPT 512

/* Why a state has changed: an enum machine_event, or one of these. */
enum {
	EVENTS_CANNOT_RUN = MACHINE_EVENTS, /* its file has an error */
	EVENTS_NEW_FILE,                    /* its changed file takes effect */
	EVENTS_CAUSES,
};

struct transition {
	uint64_t at_ms; /* CLOCK_MONOTONIC */
	char name[SERVICE_NAME_MAX];
	int32_t pid;           /* of the running process, or of the one that has ended; 0: none */
	uint8_t before, after; /* enum machine_state */
	uint8_t cause;
	bool has_outcome;
	struct outcome outcome; /* of its latest process */
};

struct events {
	uint64_t count; /* since boot: the number of the latest one */
	struct transition kept[EVENTS_KEPT];
};

/* Record that the state of `v` has changed from `before` to its present state. */
void events_add(
	struct events *e, const struct service *v, enum machine_state before, unsigned int cause);

/*
 * Find the next event of the service `name` ("": any service), number `*at` or later. `*at` becomes
 * its number, or the number after the latest event when there is none (NULL). A number beyond that
 * comes from another boot and counts as 1. `*lost` grows by the number of events of all services
 * from `*at` on that are not kept.
 */
const struct transition *events_next(
	const struct events *e, const char *name, uint64_t *at, uint64_t *lost);

/* A cause in words: "start", "exited", "cannot run" ... */
const char *events_cause(unsigned int cause);

#endif
