/* SPDX-License-Identifier: MIT */
#include "probe/wire/exchange.h"

#include "base/buf.h"
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/show/text.h"
#include "protocol/messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_AGAIN_MS 10   /* pause while the other side's queue of connections is full */
#define BODY_FIRST       4096 /* first size of the storage for a body */
#define QUOTE_COLUMNS    80

/* ---- the end --------------------------------------------------------------------------------- */

static void close_connection(struct exchange *x)
{
	int fd = x->io.fd;

	if (!x->running)
		return;
	x->running = false;
	loop_timer_clear(x->loop, &x->timer);
	loop_remove(x->loop, &x->io);
	if (fd >= 0)
		close(fd);
	free(x->out);
	x->out = NULL;
}

static void finish(struct exchange *x)
{
	x->elapsed_us = clock_us() - x->started_us;
	if (x->request == NULL && x->failure.kind == FAILURE_NONE) {
		x->raw_fd = x->io.fd;
		loop_remove(x->loop, &x->io);
	}
	close_connection(x);
	x->done(x);
}

void exchange_free(struct exchange *x)
{
	close_connection(x);
	if (x->budget != NULL)
		x->budget->used -= x->body_size;
	free(x->body);
	x->body = NULL;
	x->body_size = x->body_len = 0;
}

static void say_timeout(struct exchange *x)
{
	struct failure *f = &x->failure;
	unsigned int seconds = (unsigned int)(x->timeout_ms / 1000);
	unsigned int thousandths = (unsigned int)(x->timeout_ms % 1000);
	char after[48];
	struct buf b = BUF_OVER(after);

	buf_clear(&b);
	buf_printf(&b, thousandths > 0 ? "timed out after %u.%03u s" : "timed out after %u s",
		seconds, thousandths);
	switch (x->step) {
	case EXCHANGE_CONNECTING:
		failure_set(
			f, FAILURE_TIMEOUT, "%s while connecting: the VMM does not accept", after);
		break;
	case EXCHANGE_SENDING_CONNECT:
		failure_set(f, FAILURE_TIMEOUT, "%s while sending CONNECT: the VMM does not read",
			after);
		break;
	case EXCHANGE_READING_OK:
		failure_set(f, FAILURE_TIMEOUT,
			"%s while waiting for the VMM's OK: is the guest paused, or still booting?",
			after);
		break;
	case EXCHANGE_SENDING_REQUEST:
		failure_set(f, FAILURE_TIMEOUT,
			"%s while sending the request: the agent does not read", after);
		break;
	case EXCHANGE_READING_LENGTH:
		failure_set(f, FAILURE_TIMEOUT,
			"%s while waiting for the answer: is the agent busy, or the guest paused?",
			after);
		break;
	case EXCHANGE_READING_BODY:
		failure_set(f, FAILURE_TIMEOUT,
			"%s while reading the answer: %zu of %zu bytes came", after, x->body_len,
			x->body_want);
		break;
	case EXCHANGE_STEPS:
		break;
	}
}

static void say_closed(struct exchange *x)
{
	struct failure *f = &x->failure;

	switch (x->step) {
	case EXCHANGE_CONNECTING:
	case EXCHANGE_SENDING_CONNECT:
	case EXCHANGE_READING_OK:
		if (x->line_len > 0)
			failure_set(f, FAILURE_HANDSHAKE,
				"closed in the middle of the OK line: is this a VMM's vsock "
				"socket?");
		else
			failure_set(f, FAILURE_NO_LISTENER,
				"closed without OK: nothing listens on port %u in the guest; does "
				"its "
				"agent run?",
				x->target->port);
		break;
	case EXCHANGE_SENDING_REQUEST:
		failure_set(f, FAILURE_CLOSED, "closed while the request was sent");
		break;
	case EXCHANGE_READING_LENGTH:
		if (x->header_len == 0)
			failure_set(f, FAILURE_CLOSED,
				"closed without an answer: the agent does not know the request, or "
				"has ended");
		else
			failure_set(
				f, FAILURE_CLOSED, "closed in the middle of the answer's length");
		break;
	case EXCHANGE_READING_BODY:
		failure_set(f, FAILURE_CLOSED, "closed in the answer: %zu of %zu bytes came",
			x->body_len, x->body_want);
		break;
	case EXCHANGE_STEPS:
		break;
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

static void fill_connect_line(struct exchange *x)
{
	x->out = memory_must(malloc(32));
	x->out_len = buf_format(x->out, 32, "CONNECT %u\n", x->target->port);
	x->out_at = 0;
	x->step = EXCHANGE_SENDING_CONNECT;
}

static void add_frame(struct exchange *x, const char *body, size_t len)
{
	unsigned char header[PROTOCOL_HEADER_BYTES];

	protocol_header_encode((uint32_t)len, header);
	x->out = memory_resize(x->out, x->out_len + sizeof(header) + len, 1);
	memcpy(x->out + x->out_len, header, sizeof(header));
	memcpy(x->out + x->out_len + sizeof(header), body, len);
	x->out_len += sizeof(header) + len;
}

/* Send hello and request together. An agent that refuses the hello does not serve the request. */
static void fill_request(struct exchange *x)
{
	x->out_len = x->out_at = 0;
	if (x->hello != NULL)
		add_frame(x, x->hello, strlen(x->hello));
	add_frame(x, x->request, x->request_len);
	x->step = EXCHANGE_SENDING_REQUEST;
}

/*
 * True if everything is sent, or the peer has closed. An agent may answer and close before it has
 * read the whole request, so its answer must still be read.
 */
static bool send_some(struct exchange *x)
{
	while (x->out_at < x->out_len) {
		ssize_t n =
			send(x->io.fd, x->out + x->out_at, x->out_len - x->out_at, MSG_NOSIGNAL);

		if (n >= 0)
			x->out_at += (size_t)n;
		else if (errno == EAGAIN)
			return false;
		else if (errno == EPIPE || errno == ECONNRESET)
			x->out_at = x->out_len;
		else if (errno != EINTR) {
			failure_set(
				&x->failure, FAILURE_SYSTEM, "send: %s", problem_errno_text(errno));
			return false;
		}
	}
	return true;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Read up to `size` bytes. Returns the count; 0 if there are none now, or with the failure set. */
static size_t receive(struct exchange *x, void *bytes, size_t size)
{
	for (;;) {
		ssize_t n = recv(x->io.fd, bytes, size, 0);

		if (n > 0)
			return (size_t)n;
		if (n == 0 || errno == ECONNRESET || errno == EPIPE)
			say_closed(x);
		else if (errno == EINTR)
			continue;
		else if (errno != EAGAIN)
			failure_set(&x->failure, FAILURE_SYSTEM, "receive: %s",
				problem_errno_text(errno));
		return 0;
	}
}

static void judge_ok_line(struct exchange *x)
{
	char storage[4 * QUOTE_COLUMNS + 1];
	struct buf quoted = BUF_OVER(storage);

	if (x->line_len > 3 && memcmp(x->line, "OK ", 3) == 0)
		return;
	buf_clear(&quoted);
	text_put_visible(&quoted, (struct text){ x->line, x->line_len }, QUOTE_COLUMNS);
	failure_set(&x->failure, FAILURE_HANDSHAKE,
		"expected 'OK' and a number after CONNECT, got '%s': is this a VMM's vsock socket?",
		quoted.data);
}

/*
 * True if the line is complete. Reads one byte at a time, because the bytes after the line already
 * belong to the agent.
 */
static bool read_ok_line(struct exchange *x)
{
	char c;

	while (receive(x, &c, 1) == 1) {
		if (c == '\n') {
			judge_ok_line(x);
			return x->failure.kind == FAILURE_NONE;
		}
		x->line[x->line_len++] = c;
		if (x->line_len == EXCHANGE_OK_MAX) {
			judge_ok_line(x);
			failure_set(&x->failure, FAILURE_HANDSHAKE,
				"the OK line does not end: is this a VMM's vsock socket?");
			return false;
		}
	}
	return false;
}

static bool read_length(struct exchange *x)
{
	size_t n;

	while (x->header_len < sizeof(x->header)) {
		n = receive(x, x->header + x->header_len, sizeof(x->header) - x->header_len);
		if (n == 0)
			return false;
		x->header_len += n;
	}
	x->body_want = protocol_header_decode(x->header);
	if (x->body_want > PROTOCOL_BODY_MAX) {
		failure_set(&x->failure, FAILURE_TOO_LARGE,
			"the answer claims %zu bytes, more than the protocol's %u: not an agent's",
			x->body_want, PROTOCOL_BODY_MAX);
		return false;
	}
	return true;
}

/* Grow the body's storage to its length, but at most to twice the bytes received. */
static bool grow_body(struct exchange *x)
{
	size_t want = x->body_want + 1, size = x->body_size == 0 ? BODY_FIRST : 2 * x->body_size;

	if (size > want)
		size = want;
	if (x->budget != NULL) {
		struct exchange_budget *b = x->budget;

		if (b->used + size - x->body_size > b->max && size > b->share) {
			failure_set(&x->failure, FAILURE_TOO_LARGE,
				"all answers pass %zu MiB, and this one its share (%zu of %zu "
				"bytes came): "
				"ask fewer at once",
				b->max >> 20, x->body_len, x->body_want);
			return false;
		}
		b->used += size - x->body_size;
	}
	x->body_size = size;
	x->body = memory_resize(x->body, size, 1);
	return true;
}

/* A header is cheap to forge, so memory grows only with the bytes received. */
static bool read_body(struct exchange *x)
{
	while (x->body_len < x->body_want) {
		size_t n;

		if (x->body_len + 1 >= x->body_size) {
			if (!grow_body(x))
				return false;
		}
		n = x->body_size - 1 - x->body_len;
		if (n > x->body_want - x->body_len)
			n = x->body_want - x->body_len;
		n = receive(x, x->body + x->body_len, n);
		if (n == 0)
			return false;
		x->body_len += n;
	}
	if (x->body_size == 0 && !grow_body(x))
		return false;
	x->body[x->body_len] = '\0';
	x->frames++;
	return true;
}

/* ---- the steps ------------------------------------------------------------------------------- */

static bool finish_connect(struct exchange *x)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(x->io.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0)
		target_explain(x->target, error, &x->failure);
	return error == 0;
}

/* Prepare for the next frame of a stream. */
static void begin_frame(struct exchange *x)
{
	x->header_len = x->body_len = x->body_want = 0;
	x->step = EXCHANGE_READING_LENGTH;
}

enum progress {
	WAITS,   /* waits for the descriptor, or has failed */
	GOES_ON, /* go on with the next step */
	ENDS,    /* the answer is complete */
};

static enum progress take_step(struct exchange *x)
{
	switch (x->step) {
	case EXCHANGE_CONNECTING:
		if (!finish_connect(x))
			return WAITS;
		if (x->target->path != NULL) {
			fill_connect_line(x);
			return GOES_ON;
		}
		if (x->request == NULL)
			return ENDS;
		fill_request(x);
		return GOES_ON;
	case EXCHANGE_SENDING_CONNECT:
		if (!send_some(x))
			return WAITS;
		x->step = EXCHANGE_READING_OK;
		return GOES_ON;
	case EXCHANGE_READING_OK:
		if (!read_ok_line(x))
			return WAITS;
		if (x->request == NULL)
			return ENDS;
		fill_request(x);
		return GOES_ON;
	case EXCHANGE_SENDING_REQUEST:
		if (!send_some(x))
			return WAITS;
		begin_frame(x);
		return GOES_ON;
	case EXCHANGE_READING_LENGTH:
		if (!read_length(x))
			return WAITS;
		x->step = EXCHANGE_READING_BODY;
		return GOES_ON;
	case EXCHANGE_READING_BODY:
		if (!read_body(x))
			return WAITS;
		if (x->hello != NULL && !x->has_hello_answer) {
			x->has_hello_answer = true;
			if (text_find(x->body, x->body_len,
				    message_name(ANSWER_PROTOCOL_HELLO_ACK)) == NULL)
				return ENDS; /* the caller looks at the answer */
			begin_frame(x);
			return GOES_ON;
		}
		if (x->frame == NULL)
			return ENDS;
		loop_timer_clear(
			x->loop, &x->timer); /* the deadline holds for a stream's first frame */
		if (!x->frame(x))
			return ENDS;
		begin_frame(x);
		return WAITS; /* let other descriptors run before the next frame */
	case EXCHANGE_STEPS:
		break;
	}
	return ENDS;
}

static bool is_sending(const struct exchange *x)
{
	return x->step == EXCHANGE_CONNECTING || x->step == EXCHANGE_SENDING_CONNECT ||
	       x->step == EXCHANGE_SENDING_REQUEST;
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct exchange *x = LOOP_OWNER(io, struct exchange, io);
	enum progress progress;
	int err;

	(void)events; /* the system calls report errors */
	do
		progress = take_step(x);
	while (progress == GOES_ON);
	if (progress == WAITS && x->failure.kind == FAILURE_NONE) {
		err = loop_change(x->loop, &x->io, is_sending(x) ? EPOLLOUT : EPOLLIN);
		if (err == 0)
			return;
		failure_set(&x->failure, FAILURE_SYSTEM, "epoll: %s", problem_errno_text(-err));
	}
	finish(x);
}

/* ---- the start ------------------------------------------------------------------------------- */

static void expire(struct loop_timer *timer);

static void try_to_connect(struct exchange *x)
{
	int fd = -1, err = target_connect(x->target, &fd);

	if (err == -EAGAIN) {
		uint64_t again_ms = clock_ms() + CONNECT_AGAIN_MS;

		loop_timer_set(
			x->loop, &x->timer, again_ms < x->deadline_ms ? again_ms : x->deadline_ms);
		return;
	}
	loop_timer_set(x->loop, &x->timer, x->deadline_ms);
	if (err == 0 || err == -EINPROGRESS) {
		err = loop_add(x->loop, &x->io, fd, EPOLLOUT, ready);
		if (err == 0)
			return;
		close(fd);
		failure_set(&x->failure, FAILURE_SYSTEM, "epoll: %s", problem_errno_text(-err));
	} else {
		target_explain(x->target, -err, &x->failure);
	}
	loop_timer_set(x->loop, &x->timer, 0); /* `done` must come from the loop */
}

static void expire(struct loop_timer *timer)
{
	struct exchange *x = LOOP_OWNER(timer, struct exchange, timer);

	if (x->failure.kind == FAILURE_NONE && x->io.fd < 0 && clock_ms() < x->deadline_ms) {
		try_to_connect(x);
		return;
	}
	say_timeout(x);
	finish(x);
}

void exchange_start(struct exchange *x)
{
	x->running = true;
	x->io.fd = x->raw_fd = -1;
	x->timer.expire = expire;
	x->started_us = clock_us();
	x->deadline_ms = clock_ms() + x->timeout_ms;
	x->step = EXCHANGE_CONNECTING;
	try_to_connect(x);
}
