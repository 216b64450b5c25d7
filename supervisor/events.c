/* SPDX-License-Identifier: MIT */
#include "supervisor/events.h"

#include "base/clock.h"

#include <string.h>

void events_add(
	struct events *e, const struct service *v, enum machine_state before, unsigned int cause)
{
	struct transition *t = &e->kept[e->count++ % EVENTS_KEPT];

	*t = (struct transition){ .at_ms = cause < MACHINE_EVENTS ? v->machine.entered_ms
								  : clock_ms(),
		.pid = cause == MACHINE_EV_EXITED ? v->last.pid : v->pid,
		.before = (uint8_t)before,
		.after = (uint8_t)v->machine.state,
		.cause = (uint8_t)cause };
	memcpy(t->name, v->name, sizeof(t->name));
	if (cause == MACHINE_EV_SPAWN_FAILED)
		t->outcome.error = (int16_t)v->last.start_error;
	t->has_outcome =
		v->last.has_ended && (cause == MACHINE_EV_EXITED || cause == MACHINE_EV_GONE);
	if (t->has_outcome)
		t->outcome = v->last.outcome;
}

const struct transition *events_next(
	const struct events *e, const char *name, uint64_t *at, uint64_t *lost)
{
	uint64_t oldest = e->count < EVENTS_KEPT ? 1 : e->count - EVENTS_KEPT + 1;

	if (*at == 0 || *at > e->count + 1)
		*at = 1;
	if (*at < oldest) {
		*lost += oldest - *at;
		*at = oldest;
	}
	for (; *at <= e->count; ++*at) {
		const struct transition *t = &e->kept[(*at - 1) % EVENTS_KEPT];

		if (name[0] == '\0' || strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

const char *events_cause(unsigned int cause)
{
	switch (cause) {
	case EVENTS_CANNOT_RUN:
		return "cannot run";
	case EVENTS_NEW_FILE:
		return "new file";
	default:
		return machine_event_name((enum machine_event)cause);
	}
}
