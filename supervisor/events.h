/* SPDX-License-Identifier: MIT */
/*
 * The latest changes of state of all services, numbered from 1 since boot, in a ring of fixed size:
 * whoever reads it too seldom is told how many are gone. Nothing here allocates.
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
	int32_t pid;           /* of the service, or which has ended; 0: none */
	uint8_t before, after; /* enum machine_state */
	uint8_t cause;
	bool has_outcome;
	struct outcome outcome; /* of its latest process */
};

struct events {
	uint64_t count; /* since boot: the number of the latest one */
	struct transition kept[EVENTS_KEPT];
};

/* Keep that the state of `v` has changed from `before` to what it is now. */
void events_add(
	struct events *e, const struct service *v, enum machine_state before, unsigned int cause);

/*
 * The next event of the service `name` ("": any service), number `*at` or later. `*at` is moved on
 * to its number, or behind the latest event when there is none (NULL). A number that no event can
 * have yet is one of another boot: it counts as the first. How many events from `*at` on are not
 * kept any more, of all services, is added to `*lost`.
 */
const struct transition *events_next(
	const struct events *e, const char *name, uint64_t *at, uint64_t *lost);

/* A cause in words: "start", "exited", "cannot run" ... */
const char *events_cause(unsigned int cause);

#endif
