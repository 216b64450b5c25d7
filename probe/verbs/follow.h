/* SPDX-License-Identifier: MIT */
/* --follow: asks one target again and again for new output. */
#ifndef PROBE_VERBS_FOLLOW_H
#define PROBE_VERBS_FOLLOW_H

#include "probe/verbs/options.h"
#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stdint.h>

/* Longest time in seconds that a request may ask the agent to wait for new output. */
#define FOLLOW_WAIT_MAX_SECS 20

struct follow {
	const struct options *options; /* the first target, and --timeout for each question */
	enum message_kind kind;        /* of the questions */
	uint64_t deadline_ms;          /* of follow_ask(), of clock_ms(); 0: none */
	bool waits;                    /* the agent waits for new output before it answers */
	/* The next question's JSON, for free(). */
	char *(*request)(struct follow *f);
	/*
	 * Print an answer and note the next position. Returns true if there was new output. An
	 * answer of the wrong shape sets the inquiry's failure.
	 */
	bool (*take)(struct follow *f, struct inquiry *i);
};

/* Ask once, and take the answer if there is one. The result is for inquiry_free_all(i, 1). */
struct inquiry *follow_ask(struct follow *f, bool *came);

/*
 * Ask until the output's reader or the guest is gone. A guest that does not answer (paused,
 * restored, its agent restarted) has --timeout to answer again. Returns the exit status, after
 * printing any error.
 */
int follow_run(struct follow *f);

#endif
