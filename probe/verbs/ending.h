/* SPDX-License-Identifier: MIT */
/* Waiting for virtual machines to end. */
#ifndef PROBE_VERBS_ENDING_H
#define PROBE_VERBS_ENDING_H

#include "probe/verbs/options.h"

/*
 * Come back when nobody accepts connections for any of the targets any more: their VMMs have ended.
 * Waits `o->timeout_ms` at most. Returns the exit status: 0, or 3 with a message for each target
 * that is still there.
 */
int ending_wait(const struct options *o);

#endif
