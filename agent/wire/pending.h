/* SPDX-License-Identifier: MIT */
/*
 * Requests that take a while: what is under way, for whom, and what happens to it when the client
 * goes away or the agent stops. Embedded in the struct of each such request.
 */
#ifndef AGENT_WIRE_PENDING_H
#define AGENT_WIRE_PENDING_H

#include "agent/wire/connection.h"
#include "base/loop.h"

struct agent;

struct pending {
	struct agent *agent;
	struct pending *next, *previous; /* all that are under way */
	struct connection *connection;   /* who waits for the reply; NULL: nobody (any more) */
	struct loop_timer timer;         /* for the owner */
	/* The client has gone away. Called when not NULL; the work may end itself there. */
	void (*gone)(struct pending *w);
	/* The agent stops: free it. Nothing of it runs any more, and no callback will come. */
	void (*abandon)(struct pending *w);
};

/*
 * Begin: `c` gets its reply from this work (NULL: nobody waits). `gone` and `abandon` are set by
 * the caller before.
 */
void pending_begin(struct pending *w, struct agent *a, struct connection *c);

/* Reply to the client, if it is still there; the work may go on. As connection_reply(). */
void pending_reply(
	struct pending *w, void (*write)(struct buf *b, const void *arg), const void *arg);

/* Reply with an Error. */
void pending_error(struct pending *w, const char *message);

/* Set the timer: `expire` runs in `ms` milliseconds. */
void pending_set_timer(struct pending *w, uint64_t ms, void (*expire)(struct loop_timer *timer));

/* The end, before the owner frees it. The client must have its reply, or be gone. */
void pending_end(struct pending *w);

/* Abandon everything that is under way. */
void pending_abandon_all(struct agent *a);

#endif
