/* SPDX-License-Identifier: MIT */
/*
 * An exchange is one connection to one agent: connect, the hybrid socket's handshake, one request,
 * one answer (or any number of frames for a stream). One deadline covers all of that, so a peer
 * gains nothing by sending a byte now and then. Non-blocking; many exchanges share a loop.
 */
#ifndef PROBE_WIRE_EXCHANGE_H
#define PROBE_WIRE_EXCHANGE_H

#include "base/loop.h"
#include "probe/wire/failure.h"
#include "probe/wire/target.h"
#include "protocol/frame.h"

#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_OK_MAX 64 /* most bytes of the handshake's OK line */

enum exchange_step {
	EXCHANGE_CONNECTING,
	EXCHANGE_SENDING_CONNECT,
	EXCHANGE_READING_OK,
	EXCHANGE_SENDING_REQUEST,
	EXCHANGE_READING_LENGTH,
	EXCHANGE_READING_BODY,
	EXCHANGE_STEPS,
};

/* Memory limit for the answers of many exchanges. */
struct exchange_budget {
	size_t max, used; /* bytes */
	size_t share;     /* bytes that any answer may use */
};

struct exchange {
	/* Set by the caller. */
	struct loop *loop;
	const struct target *target;
	const char *request; /* body of the request's frame; the caller keeps it until done */
	size_t request_len;  /* `request` NULL: no request; the result is `raw_fd` */
	uint64_t timeout_ms;
	struct exchange_budget *budget; /* or NULL; must outlive `body` */
	const char *hello;              /* body of a hello frame to send first; or NULL */
	/* For a stream: called for each frame; return false to stop. NULL: one answer. */
	bool (*frame)(struct exchange *x);
	/* Called once, never from within exchange_start(). It may call exchange_free(). */
	void (*done)(struct exchange *x);
	void *owner; /* for both callbacks */

	/* The result. */
	struct failure failure; /* FAILURE_NONE: answered */
	int raw_fd; /* without a request: the non-blocking connection, owned by the caller */
	char *body; /* the answer's frame, NUL-terminated */
	size_t body_len;
	uint64_t elapsed_us; /* from the start to the end */

	/* Private. */
	enum exchange_step step;
	struct loop_io io;
	struct loop_timer timer; /* the deadline, or the next try to connect */
	uint64_t deadline_ms, started_us;
	char *out; /* to be sent: the handshake's line, then the frame */
	size_t out_len, out_at;
	char line[EXCHANGE_OK_MAX];
	size_t line_len;
	unsigned char header[PROTOCOL_HEADER_BYTES];
	size_t header_len;
	size_t body_size; /* bytes of storage at `body` */
	size_t body_want; /* bytes announced by the header */
	size_t frames;    /* complete frames so far */
	bool has_hello_answer;
	bool running;
};

/* Start. The caller has set its fields and zeroed the others. */
void exchange_start(struct exchange *x);

/* Close and free everything, without calling `done`. Safe while running. */
void exchange_free(struct exchange *x);

#endif
