/* SPDX-License-Identifier: MIT */
/* Waits for virtual machines to end. */
#ifndef PROBE_VERBS_ENDING_H
#define PROBE_VERBS_ENDING_H

#include "probe/verbs/options.h"

/*
 * Wait until nothing accepts connections for any of the targets, because their VMMs have ended.
 * Waits `o->timeout_ms` at most. Returns the exit status: 0, or 3 with a message for each target
 * that still runs.
 */
int ending_wait(const struct options *o);

#endif
