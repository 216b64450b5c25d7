/* SPDX-License-Identifier: MIT */
/* Asking one target again and again for what is new: the part of --follow that verbs share. */
#ifndef PROBE_VERBS_FOLLOW_H
#define PROBE_VERBS_FOLLOW_H

#include "probe/verbs/options.h"
#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stdint.h>

/* The largest time that a request may ask the agent to wait for something new, in seconds. */
#define FOLLOW_WAIT_MAX_SECS 20

struct follow {
	const struct options *options; /* the first target, and --timeout for each question */
	enum message_kind kind;        /* of the questions */
	uint64_t deadline_ms; /* of all questions of follow_ask(), on clock_ms(); 0: none */
	bool waits;           /* the agent itself waits for something new before it answers */
	/* The next question's JSON, for free(). */
	char *(*request)(struct follow *f);
	/*
	 * Print an answer, and note where to go on. Returns true when something came. For an answer
	 * of the wrong shape it sets the inquiry's failure.
	 */
	bool (*take)(struct follow *f, struct inquiry *i);
};

/* Ask once and take the answer, if there is one. Returns an inquiry for inquiry_free_all(i, 1). */
struct inquiry *follow_ask(struct follow *f, bool *came);

/*
 * Go on asking until there is an end: of the output's reader, or of the guest. A guest that does
 * not answer for a while (paused, restored, its agent restarted) is given --timeout. Returns the
 * exit status; an error has been printed.
 */
int follow_run(struct follow *f);

#endif
