/* SPDX-License-Identifier: MIT */
/* New drives behind a running guest: stop, mount again, start with the new environment. */
#ifndef INIT_REFRESH_H
#define INIT_REFRESH_H

#include "init/guest.h"

#define REFRESH_STOP_MS 3000 /* services that have not stopped by then get their KILL */
#define REFRESH_WAIT_MS 4000 /* by then the drives are mounted again, whatever still stops */

enum refresh_answer { REFRESH_WAIT, REFRESH_STEP, REFRESH_DONE };

struct refresh_step {
	const char *name;
	char text[256];
	int error; /* 0 or an errno value */
	uint64_t start_us;
};

/* Stop every service; they are held down until refresh_end(). */
void refresh_begin(struct guest *g);

/*
 * The next step that can be done: REFRESH_STEP with its result, REFRESH_WAIT while services still
 * stop, REFRESH_DONE after the last.
 */
enum refresh_answer refresh_next(struct guest *g, struct refresh_step *out);

/* Start what refresh_begin() has stopped. */
void refresh_end(struct guest *g);

/* Begin all of it, for a guest without an agent: results go to the log. */
void refresh_alone(struct guest *g);

/* Go on with what refresh_alone() has begun. */
void refresh_settle(struct guest *g);

#endif
