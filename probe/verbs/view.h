/* SPDX-License-Identifier: MIT */
/* What most verbs do: ask every target one question, decode the answers, print each. */
#ifndef PROBE_VERBS_VIEW_H
#define PROBE_VERBS_VIEW_H

#include "probe/verbs/options.h"
#include "probe/wire/inquiry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct view {
	size_t size; /* bytes of a decoded answer; all zero where there is no answer */
	/*
	 * Decode the answer of an inquiry that has one. Returns the exit status that it stands for;
	 * for an answer of the wrong shape it sets the inquiry's failure instead.
	 */
	int (*decode)(struct inquiry *i, void *decoded);
	/* Add the members of the JSON object between "target" and "error"; null without an answer.
	 */
	void (*members)(json_t *object, const struct inquiry *i, const void *decoded);
	/* Print an answer for people; `many`: of more than one target. */
	void (*print)(const struct inquiry *i, const void *decoded, bool many);
	/* Free what the decoded answer holds; NULL: nothing. */
	void (*release)(void *decoded);
	int status_without; /* exit status without an answer; 0: by the kind of failure */
};

/* Ask, print, and return the worst exit status. */
int view_run(const struct options *o, const struct question *question, uint64_t timeout_ms,
	const struct view *v);

#endif
