/* SPDX-License-Identifier: MIT */
/*
 * A page that is made from fresh answers again and again: on the whole of a terminal, with keys, or
 * one page after another where the output is none. The targets are looked for in each round, so VMs
 * come and go.
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
	/* The caller sets these. */
	const struct options *options;
	const struct question *questions;
	size_t question_count;
	const char *const *columns; /* that the page can be sorted by, up to a NULL */
	size_t sort;                /* which of them, or TABLE_AS_IT_IS */
	const char *keys;           /* what other keys do, for the last line; or NULL */
	/*
	 * Take the answers of a round: decode, use and free each. Their targets stay until the next
	 * round is taken. Returns the exit status that they stand for.
	 */
	int (*take)(struct watch *w, struct inquiry *all, size_t count, const struct page *page);
	/* Print what was taken last. `chosen` may be set here. */
	void (*print)(struct watch *w, const struct page *page);
	/* A key that is not the watch's own; true: print again. NULL: there is none. */
	bool (*key)(struct watch *w, char key);
	bool sorts_itself; /* another order needs no fresh answers */
	size_t fixed;      /* lines at the top that do not scroll */
	size_t chosen;     /* the line below those that keys move, or WATCH_NOTHING_CHOSEN */
	bool has_moved;    /* `chosen` is the user's; `print` clears it */

	/* For the caller. */
	char message[200]; /* stands in the last line instead of the keys, until it is "" */
	struct loop loop;

	/* Its own. */
	struct watching *own;
};

/* Go on until the user ends it, or --rounds. Returns the exit status of the last round. */
int watch_run(struct watch *w);

/* Print again, for what the caller did on the loop. */
void watch_print(struct watch *w);

#endif
