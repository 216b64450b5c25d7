/* SPDX-License-Identifier: MIT */
/* A service as the guest's agent describes it, in Services and in Metrics. */
#ifndef PROBE_REPORT_SERVICE_H
#define PROBE_REPORT_SERVICE_H

#include "probe/wire/answer.h"

#include <stdbool.h>
#include <stdint.h>

/* A number that may be missing. */
struct maybe {
	bool known;
	uint64_t value;
};

struct service {
	struct text name, state, reason; /* the last two may be "" */
	bool built_in;                   /* the agent itself */
	struct maybe pid, uid, gid;
	struct maybe state_ms; /* time in this state */
	struct maybe restarts, failures, next_start_ms, exit_code;
	struct maybe memory_bytes, cpu_us, tasks, oom_kills;
};

struct services {
	struct service *items;
	size_t count;
};

/*
 * Read the array "services" of an answer's body `s`. If it is optional and missing or null, the
 * list is empty. Returns false with the failure set if the answer is wrong. services_free() frees
 * the list in every case.
 */
bool services_read(struct services *all, struct shape *s, enum shape_need need);

void services_free(struct services *all);

/* True unless the service has failed or is being restarted again and again. */
bool service_is_well(const struct service *s);

/* True if it runs and is ready, also while it reads its configuration again. */
bool service_is_up(const struct service *s);

/* True if the state is this word. */
bool service_state_is(const struct service *s, const char *state);

#endif
