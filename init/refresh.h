/* SPDX-License-Identifier: MIT */
/* Taking over new drives after a restore: stop services, mount again, start with the new
 * environment. */
#ifndef INIT_REFRESH_H
#define INIT_REFRESH_H

#include "init/guest.h"

#define REFRESH_STOP_MS 3000 /* then services that have not stopped are killed */
#define REFRESH_WAIT_MS 4000 /* then the drives are mounted again, even if a service still runs */

enum refresh_answer { REFRESH_WAIT, REFRESH_STEP, REFRESH_DONE };

struct refresh_step {
	const char *name;
	char text[256];
	int error; /* 0 or an errno value */
	uint64_t start_us;
};

/* Stop every service. None starts before refresh_end(). */
void refresh_begin(struct guest *g);

/*
 * Do the next step. Returns REFRESH_STEP with its result, REFRESH_WAIT while services still stop,
 * or REFRESH_DONE after the last step.
 */
enum refresh_answer refresh_next(struct guest *g, struct refresh_step *out);

/* Start the services that refresh_begin() has stopped. */
void refresh_end(struct guest *g);

/* Begin the whole refresh in a guest without an agent. Results go to the log. */
void refresh_alone(struct guest *g);

/* Go on with the refresh of refresh_alone(). */
void refresh_settle(struct guest *g);

#endif
