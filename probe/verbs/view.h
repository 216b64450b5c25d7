/* SPDX-License-Identifier: MIT */
/* The scheme of most verbs: ask every target one question, decode and print the answers. */
#ifndef PROBE_VERBS_VIEW_H
#define PROBE_VERBS_VIEW_H

#include "probe/verbs/options.h"
#include "probe/verbs/page.h"
#include "probe/wire/inquiry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct view {
	size_t size; /* bytes of a decoded answer; all zero without an answer */
	/*
	 * Decode the answer of an inquiry that has one. Returns its exit status, or sets the
	 * inquiry's failure if the answer has the wrong shape.
	 */
	int (*decode)(struct inquiry *i, void *decoded);
	/* Add the JSON members between "target" and "error"; null without an answer. */
	void (*members)(json_t *object, const struct inquiry *i, const void *decoded);
	/* Print an answer for people. */
	void (*print)(const struct inquiry *i, const void *decoded, const struct page *page);
	/* Free what the decoded answer holds; NULL: nothing. */
	void (*release)(void *decoded);
	/* For --watch: the columns to sort by, up to a NULL; or NULL. */
	const char *const *columns;
	int status_without; /* exit status without an answer; 0: by the kind of failure */
};

/* Ask, print, and return the worst exit status. */
int view_run(const struct options *o, const struct question *question, uint64_t timeout_ms,
	const struct view *v);

#endif
