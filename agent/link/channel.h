/* SPDX-License-Identifier: MIT */
/*
 * The agent's end of the control channel to PID 1 (base/control.h). Calls run side by side, a few
 * at a time, and none blocks. When the channel breaks, every call ends with an error, and the agent
 * goes on without what only PID 1 can do.
 */
#ifndef AGENT_LINK_CHANNEL_H
#define AGENT_LINK_CHANNEL_H

#include "base/control.h"
#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANNEL_IN_FLIGHT 6 /* calls that PID 1 has at a time; it takes eight */

struct channel_call;

struct channel {
	struct loop *loop;
	struct loop_io io;      /* fd -1: there is no channel */
	unsigned int in_flight; /* calls that PID 1 has */
	bool full;              /* the socket took no more; waiting until it does */
	uint32_t last_id;
	struct channel_call *calls; /* under way, the oldest first */
	void (*event)(struct channel *c, const struct control_message *m); /* may be NULL */
	void *owner;                                                       /* for `event` */
};

struct channel_call {
	struct channel *channel; /* NULL when not under way */
	struct channel_call *next;
	struct control_message request; /* as it is sent, or still to be sent */
	bool sent;
	uint64_t position, value; /* of the DONE message */
	/* An ITEM or STEP has come. May be NULL. */
	void (*item)(struct channel_call *call, const struct control_message *m);
	/* It has ended: `error` is 0 or an errno value, `text` says what (never NULL). */
	void (*done)(struct channel_call *call, int error, const char *text);
	void *owner;
};

/* A channel that is not there: every call fails at once. */
void channel_init(struct channel *c, struct loop *loop);

/*
 * Take over the descriptor `fd` from PID 1: check that it is such a socket, and make it
 * close-on-exec. Returns 0 or -errno with `p`.
 */
int channel_open(struct channel *c, int fd, struct problem *p);

/* Take what PID 1 has sent already, without waiting; callbacks come as from the loop. */
void channel_drain(struct channel *c);

/* Close it. Calls that are under way end without `done`. */
void channel_close(struct channel *c);

bool channel_is_open(const struct channel *c);

/* Prepare a call: no name, text or value yet, which the caller sets in call->request. */
void channel_prepare(struct channel_call *call, enum control_verb verb);

/* Set the name or the text of a prepared call; what is too long is cut, and then unknown. */
void channel_set_name(struct channel_call *call, const char *name);
void channel_set_text(struct channel_call *call, const char *text);

/*
 * Begin a prepared call. `done` is called exactly once, later, unless channel_drop() or
 * channel_close() comes before. Returns 0, or -ENOTCONN when there is no channel (and then `done`
 * is not called).
 */
int channel_begin(struct channel *c, struct channel_call *call);

/* Wait no longer for a call, if it is under way: what PID 1 answers is of no interest. */
void channel_drop(struct channel_call *call);

#endif
