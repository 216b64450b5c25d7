/* SPDX-License-Identifier: MIT */
/*
 * Shows a page of fresh answers again and again: on a whole terminal, with keys, or one page after
 * another if the output is not a terminal. Each round lists the targets, because VMs come and go.
 */
#ifndef PROBE_VERBS_WATCH_H
#define PROBE_VERBS_WATCH_H

#include "probe/verbs/options.h"
#include "probe/verbs/page.h"
#include "probe/wire/inquiry.h"

#include <stdbool.h>
#include <stddef.h>

#define WATCH_NOTHING_CHOSEN SIZE_MAX

struct watch {
	/* Set by the caller. */
	const struct options *options;
	const struct question *questions;
	size_t question_count;
	const char *const *columns; /* columns to sort by; ends with NULL */
	size_t sort;                /* index of one, or TABLE_AS_IT_IS */
	const char *keys;           /* the caller's own keys, for the last line; or NULL */
	/*
	 * Take the answers of a round: decode, use and free each. Their targets stay valid until
	 * the next round is taken. Returns the exit status.
	 */
	int (*take)(struct watch *w, struct inquiry *all, size_t count, const struct page *page);
	/* Print the round that was taken last. May set `chosen`. */
	void (*print)(struct watch *w, const struct page *page);
	/* Handle a key of the caller's own; true: print again. NULL: it has none. */
	bool (*key)(struct watch *w, char key);
	bool sorts_itself; /* a new order needs no fresh answers */
	size_t fixed;      /* lines at the top that do not scroll */
	size_t chosen;     /* line that keys move, below the fixed ones; or WATCH_NOTHING_CHOSEN */
	bool has_moved;    /* the user changed `chosen`; `print` clears this */

	/* For the caller. */
	char message[200]; /* shown in the last line instead of the keys, unless it is "" */
	struct loop loop;

	/* Private. */
	struct watching *own;
};

/* Run until the user quits, or --rounds are over. Returns the exit status of the last round. */
int watch_run(struct watch *w);

/* Print again, after a change by the caller. */
void watch_print(struct watch *w);

#endif
