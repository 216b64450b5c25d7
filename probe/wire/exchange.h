/* SPDX-License-Identifier: MIT */
/*
 * One connection to one agent: connect, the hybrid socket's handshake, one request, one answer (or,
 * for a stream, any number of frames). One deadline covers all of it, so a peer that sends a byte
 * now and then gains nothing. Non-blocking, on a loop that any number of exchanges share.
 */
#ifndef PROBE_WIRE_EXCHANGE_H
#define PROBE_WIRE_EXCHANGE_H

#include "base/loop.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/frame.h"

#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_OK_MAX 64 /* bytes of the handshake's OK line, at most */

enum exchange_step {
	EXCHANGE_CONNECTING,
	EXCHANGE_SENDING_CONNECT,
	EXCHANGE_READING_OK,
	EXCHANGE_SENDING_REQUEST,
	EXCHANGE_READING_LENGTH,
	EXCHANGE_READING_BODY,
	EXCHANGE_STEPS,
};

/* What the answers of many exchanges may take together. */
struct exchange_budget {
	size_t max, used; /* bytes */
	size_t share;     /* bytes that an answer may always have */
};

struct exchange {
	/* The caller sets these. */
	struct loop *loop;
	const struct target *target;
	const char *request; /* body of the request's frame; stays the caller's, until done */
	size_t request_len;  /* `request` NULL: none; the result is `raw_fd` */
	uint64_t timeout_ms;
	struct exchange_budget *budget; /* or NULL; outlives the exchange's body */
	const char *hello; /* body of a frame to send first, whose answer counts as well; or NULL */
	/* For a stream: called for each frame; true: go on, false: enough. NULL: one answer. */
	bool (*frame)(struct exchange *x);
	/* Called once, never from within exchange_start(). It may call exchange_free(). */
	void (*done)(struct exchange *x);
	void *owner; /* for the two */

	/* The result. */
	struct failure failure; /* FAILURE_NONE: there is an answer */
	int raw_fd;             /* without a request: the connection, non-blocking, the caller's */
	char *body;             /* the answer's frame, NUL-terminated */
	size_t body_len;
	uint64_t elapsed_us; /* from the start to the end */

	/* The exchange's own. */
	enum exchange_step step;
	struct loop_io io;
	struct loop_timer timer; /* the deadline, or the next try to connect */
	uint64_t deadline_ms, started_us;
	char *out; /* what is being sent: the handshake's line, then the frame */
	size_t out_len, out_at;
	char line[EXCHANGE_OK_MAX];
	size_t line_len;
	unsigned char header[PROTOCOL_HEADER_BYTES];
	size_t header_len;
	size_t body_size; /* bytes of storage at `body` */
	size_t body_want; /* what the header says */
	size_t frames;    /* whole frames so far */
	bool has_hello_answer;
	bool running;
};

/* Begin. The fields that the caller sets must be set, the others zero. */
void exchange_start(struct exchange *x);

/* Close and free everything, running or not, and without a call of `done`. */
void exchange_free(struct exchange *x);

#endif
