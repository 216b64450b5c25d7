/* SPDX-License-Identifier: MIT */
/* What PID 1 does for the agent: one function a verb of base/control.h. */
#ifndef INIT_VERBS_H
#define INIT_VERBS_H

#include "init/control.h"

#include <stdbool.h>

/* Is it one of the table in verbs.c? */
bool verb_is_known(unsigned int verb);

/*
 * Put the job's next message into its `answer`; CONTROL_DONE is the last one. Returns false when
 * there is nothing to send until something has happened; it is called again then.
 */
bool verb_next(struct guest *g, struct control_job *job);

/* CONTROL_DONE is sent: what has to wait for that. */
void verb_finished(struct guest *g, const struct control_job *job);

#endif
