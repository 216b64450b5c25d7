/* SPDX-License-Identifier: MIT */
/*
 * What the agent knows, in a file that outlives it: results of checks, checkpoints, and when it
 * first started. /run is empty after a boot, so that the file is of this boot and its clock.
 */
#ifndef AGENT_CHECKS_HISTORY_H
#define AGENT_CHECKS_HISTORY_H

#include "agent/checks/activity.h"
#include "agent/checks/monitor.h"

#include <stdbool.h>

struct history {
	const char *path;
	struct monitors *integrations, *probes;
	struct activity *activity;
	bool changed; /* since the last save */
	bool failed;  /* the last save has, and a log line has said so */
};

/*
 * Take over what the file has: for monitors that are still defined, and the first start for both
 * lists. A file that is absent is nothing special; one that cannot be used is named in a log line,
 * and then everything starts afresh.
 */
void history_load(struct history *h);

/*
 * Write the file if anything has changed since the last time. The file is replaced, never edited:
 * whenever the agent dies, the file is whole. A failure is logged once, until it works again.
 */
void history_save(struct history *h);

#endif
