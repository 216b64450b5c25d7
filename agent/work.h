/* SPDX-License-Identifier: MIT */
/*
 * Requests that take a while: what is under way, for whom, and what happens to it when the client
 * goes away or the agent stops. Embedded in the struct of each such request.
 */
#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include "agent/connection.h"
#include "base/loop.h"

struct agent;

struct work {
	struct agent *agent;
	struct work *next, *previous;  /* all that are under way */
	struct connection *connection; /* who waits for the reply; NULL: nobody (any more) */
	struct loop_timer timer;       /* for the owner */
	/* The client has gone away. Called when not NULL; the work may end itself there. */
	void (*gone)(struct work *w);
	/* The agent stops: free it. Nothing of it runs any more, and no callback will come. */
	void (*abandon)(struct work *w);
};

/*
 * Begin: `c` gets its reply from this work (NULL: nobody waits). `gone` and `abandon` are set by
 * the caller before.
 */
void work_begin(struct work *w, struct agent *a, struct connection *c);

/* Reply to the client, if it is still there; the work may go on. As connection_reply(). */
void work_reply(struct work *w, void (*write)(struct buf *b, const void *arg), const void *arg);

/* Reply with an Error. */
void work_error(struct work *w, const char *message);

/* Set the timer: `expire` runs in `ms` milliseconds. */
void work_set_timer(struct work *w, uint64_t ms, void (*expire)(struct loop_timer *timer));

/* The end, before the owner frees it. The client must have its reply, or be gone. */
void work_end(struct work *w);

/* Abandon everything that is under way. */
void work_abandon_all(struct agent *a);

#endif
