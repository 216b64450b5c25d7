/* SPDX-License-Identifier: MIT */
/*
 * A file with what the agent must remember if it is restarted: results of checks, checkpoints, and
 * the time of its first start. /run is empty after a boot, so the file belongs to this boot.
 */
#ifndef AGENT_CHECKS_HISTORY_H
#define AGENT_CHECKS_HISTORY_H

#include "agent/checks/activity.h"
#include "agent/checks/monitor.h"

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_AGE_MS (5 * 60 * 1000)

struct history {
	const char *path;
	struct monitors *integrations, *probes;
	struct activity *activity;
	bool changed;      /* something changed since the last save */
	bool confirmed;    /* results came that are as before */
	uint64_t saved_ms; /* when a result was last written */
	bool failed;       /* the last save failed, and was logged */
};

/*
 * Restore the results of the monitors that are still defined, and the first start of both lists. An
 * absent file is normal. An unusable file is logged, and nothing is restored.
 */
void history_load(struct history *h);

/*
 * A result has come at `now_ms`. A result that only confirms the one before, `is_news` false, is
 * written with the next news, or when the last writing is HISTORY_AGE_MS old or failed, or at the
 * end: after a crash its time is that much too old.
 */
void history_note_result(struct history *h, bool is_news, uint64_t now_ms);

/*
 * Write the file if something changed since the last save. The file is replaced as a whole, so it
 * is complete whenever the agent dies. A failure is logged once, until a save succeeds.
 */
void history_save(struct history *h);

#endif
