/* SPDX-License-Identifier: MIT */
/*
 * The agent's end of the control channel to PID 1 (base/control.h). A few calls run at a time, and
 * none blocks. Those that may wait for long leave room for the others. If the channel breaks, every
 * call ends with an error. The agent continues without the requests that only PID 1 can serve.
 */
#ifndef AGENT_LINK_CHANNEL_H
#define AGENT_LINK_CHANNEL_H

#include "base/control.h"
#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANNEL_IN_FLIGHT 7 /* most calls sent at a time; PID 1 takes eight */

/* What PID 1 waits for before it answers a call, which may be for long. */
enum channel_wait {
	CHANNEL_WAITS_FOR_NOTHING,
	CHANNEL_WAITS_FOR_SERVICES, /* Restart and both reloads */
	CHANNEL_WAITS_FOR_DRIVES,   /* PID 1 does one at a time */
	CHANNEL_WAITS_FOR_CHANGES,  /* PID 1 does one at a time */
	CHANNEL_WAITS
};

struct channel_call;

struct channel {
	struct loop *loop;
	struct loop_io io;                   /* fd -1: there is no channel */
	unsigned int in_flight;              /* calls that were sent to PID 1 */
	unsigned int waiting[CHANNEL_WAITS]; /* the same, by what they wait for */
	bool full;                           /* the socket is full: wait until it is writable */
	uint32_t last_id;
	struct channel_call *calls; /* all calls, the oldest first */
	void (*event)(struct channel *c, const struct control_message *m); /* may be NULL */
	void *owner;                                                       /* for `event` */
};

struct channel_call {
	struct channel *channel; /* NULL: the call is not running */
	struct channel_call *next;
	struct control_message request; /* sent, or still waiting to be sent */
	bool sent;
	uint64_t position, value; /* of the DONE message */
	/* An ITEM or STEP message arrived. May be NULL. */
	void (*item)(struct channel_call *call, const struct control_message *m);
	/* The call ended: `error` is 0 or an errno value, described by `text` (never NULL). */
	void (*done)(struct channel_call *call, int error, const char *text);
	void *owner;
};

/* Prepare without a channel: every call fails at once. */
void channel_init(struct channel *c, struct loop *loop);

/*
 * Take over the descriptor `fd` from PID 1. Checks that it is a SOCK_SEQPACKET socket and makes it
 * close-on-exec. Returns 0 or -errno with `p`.
 */
int channel_open(struct channel *c, int fd, struct problem *p);

/* Handle the messages that have already arrived, without waiting, as the loop would. */
void channel_drain(struct channel *c);

/* Close the channel. Running calls end without `done`. */
void channel_close(struct channel *c);

bool channel_is_open(const struct channel *c);

/* Prepare a call. The caller then sets name, text or value in call->request. */
void channel_prepare(struct channel_call *call, enum control_verb verb);

/* Set the name or the text of a prepared call. One that is too long is cut; PID 1 won't know it. */
void channel_set_name(struct channel_call *call, const char *name);
void channel_set_text(struct channel_call *call, const char *text);

/*
 * Begin a prepared call. `done` is called exactly once, later, unless channel_drop() or
 * channel_close() comes first. Returns 0, or -ENOTCONN without a channel; then `done` is not
 * called.
 */
int channel_begin(struct channel *c, struct channel_call *call);

/* Answer an event of PID 1 with itself; whether there is room for it or not. */
void channel_send_back(struct channel *c, const struct control_message *event);

/* Stop waiting for a call, if it is running. PID 1's answer is ignored. */
void channel_drop(struct channel_call *call);

#endif
