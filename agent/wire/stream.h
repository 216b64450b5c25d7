/* SPDX-License-Identifier: MIT */
/*
 * A request that is answered by several frames over time, such as ProcWait. Combines connection.h
 * and pending.h. Embedded in the struct of each such request.
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
 * stream_is_full(); stream_end() for the last. After that the caller frees `w`, and the client may
 * send its next request. No stream waits for another: frames that the client has not taken are kept
 * here, and a client that takes nothing for ten seconds counts as gone.
 */
#ifndef AGENT_WIRE_STREAM_H
#define AGENT_WIRE_STREAM_H

#include "agent/wire/pending.h"
#include "protocol/messages.h"

#define STREAM_BACKLOG    262144 /* the stream is full above this many untaken bytes */
#define STREAM_SILENCE_MS 4000   /* hosts give up after ten seconds without a frame */
#define STREAM_CHUNK_MAX  60000  /* most bytes of a chunk; as numbers they fit a frame */

struct stream {
	struct pending pending;
	void (*gone)(struct stream *s);    /* required */
	void (*abandon)(struct stream *s); /* required */
	void (*drained)(struct stream *s); /* or NULL */
	void (*silent)(struct stream *s);  /* or NULL; should send something */
};

/* Begin to answer the request that `c` handles. */
void stream_begin(struct stream *s, struct agent *a, struct connection *c);

/*
 * Send a frame with a message, as message_encode(). False if the client is gone; then `gone` is not
 * called, and the owner frees its struct after stream_drop().
 */
bool stream_send(struct stream *s, enum message_kind kind, const void *body);

/* True if the client must first take frames before the owner may send more. */
bool stream_is_full(const struct stream *s);

/* Send the last frame and end. */
void stream_end(struct stream *s, enum message_kind kind, const void *body);

/* End without a frame: the client is gone. */
void stream_drop(struct stream *s);

#endif
