/* SPDX-License-Identifier: MIT */
/*
 * A request that is answered by several frames over time, such as ProcWait: what connection.h and
 * pending.h have for it, in one. Embedded in the struct of each such request.
 *
 *     struct wait { struct stream stream; ... };
 *
 *     static void handler(struct agent *a, struct connection *c, struct request *r)
 *     {
 *             struct wait *w = calloc(1, sizeof(*w));
 *
 *             w->stream.gone = gone;        // the client went away: free w, send nothing
 *             w->stream.abandon = abandon;  // the agent stops: free w, send nothing
 *             w->stream.drained = drained;  // the client has taken all: make more
 *             w->stream.silent = silent;    // nothing sent for STREAM_SILENCE_MS: keep alive
 *             stream_begin(&w->stream, a, c);
 *     }
 *
 * Then, from any callback of the loop: stream_send() for each frame but the last, unless
 * stream_is_full(), and stream_end() for the last, after which `w` is the caller's to free and the
 * client may send its next request. One stream waits for no other: what the client does not take
 * is kept here, and a client that takes nothing for ten seconds is gone.
 */
#ifndef AGENT_WIRE_STREAM_H
#define AGENT_WIRE_STREAM_H

#include "agent/wire/pending.h"
#include "protocol/messages.h"

#define STREAM_BACKLOG    262144 /* bytes not taken by the client, beyond which it is full */
#define STREAM_SILENCE_MS 4000   /* hosts give up after ten seconds without a frame */
#define STREAM_CHUNK_MAX  60000  /* bytes of a chunk: as an array of numbers, they fit a frame */

struct stream {
	struct pending pending;
	void (*gone)(struct stream *s);    /* required */
	void (*abandon)(struct stream *s); /* required */
	void (*drained)(struct stream *s); /* or NULL */
	void (*silent)(struct stream *s);  /* or NULL; is expected to send something */
};

/* Begin to answer the request that `c` handles. */
void stream_begin(struct stream *s, struct agent *a, struct connection *c);

/*
 * Send a frame: a message as message_encode() takes it. False when the client is gone; `gone` is
 * not called then, and the owner frees its struct after stream_drop().
 */
bool stream_send(struct stream *s, enum message_kind kind, const void *body);

/* True if there is so much that the client has not taken that nothing more should be made. */
bool stream_is_full(const struct stream *s);

/* Send the last frame and end. */
void stream_end(struct stream *s, enum message_kind kind, const void *body);

/* End without a frame: the client is gone. */
void stream_drop(struct stream *s);

#endif
