/* SPDX-License-Identifier: MIT */
/*
 * Requests that are not answered at once: the client that waits, and what happens when the client
 * goes away or the agent stops. Embedded in the struct of each such request.
 */
#ifndef AGENT_WIRE_PENDING_H
#define AGENT_WIRE_PENDING_H

#include "agent/wire/connection.h"
#include "base/loop.h"

struct agent;

struct pending {
	struct agent *agent;
	struct pending *next, *previous; /* list of all pending requests */
	struct connection *connection;   /* waits for the reply; NULL: nobody does */
	struct loop_timer timer;         /* for the owner's use */
	/* The client went away; the request may end here. May be NULL. */
	void (*gone)(struct pending *w);
	/* The agent stops: free the request. No callback will come. */
	void (*abandon)(struct pending *w);
};

/*
 * Begin: `c` will get its reply from this request (NULL: nobody waits). The caller sets `gone` and
 * `abandon` before.
 */
void pending_begin(struct pending *w, struct agent *a, struct connection *c);

/* Reply to the client if it is still there, as connection_reply(). The work may continue. */
void pending_reply(
	struct pending *w, void (*write)(struct buf *b, const void *arg), const void *arg);

/* Reply with an Error. */
void pending_error(struct pending *w, const char *message);

/* Set the timer: call `expire` in `ms` milliseconds. */
void pending_set_timer(struct pending *w, uint64_t ms, void (*expire)(struct loop_timer *timer));

/* End, before the owner frees the request. The client must have its reply or be gone. */
void pending_end(struct pending *w);

/* Abandon all pending requests. */
void pending_abandon_all(struct agent *a);

#endif
