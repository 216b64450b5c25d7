/* SPDX-License-Identifier: MIT */
/*
 * Connections of the agent: framed requests in, framed replies out, over any stream socket. Each
 * has a deadline for what it is doing, none waits for another, and their number is bounded: a new
 * one takes the place of the one that has been idle for longest.
 *
 * A connection is, in this order and over again: reading a request; handling it (its owner answers
 * at once or later); writing the reply. Requests that have arrived early wait their turn. After an
 * error, or when the peer has no more to say, it lingers until the peer has closed, so that the
 * reply is not lost, and is closed.
 */
#ifndef AGENT_WIRE_CONNECTION_H
#define AGENT_WIRE_CONNECTION_H

#include "base/buf.h"
#include "base/loop.h"
#include "protocol/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_state {
	CONNECTION_READING,   /* a request, or waiting for one */
	CONNECTION_HANDLING,  /* the owner works on the reply */
	CONNECTION_WRITING,   /* a reply that the socket did not take at once */
	CONNECTION_REPLIED,   /* the reply is out */
	CONNECTION_LINGERING, /* waiting for the peer's close */
	CONNECTION_CLOSED,    /* about to be freed */
};

/* What the timer of a connection is for. */
enum connection_timer {
	CONNECTION_TIMER_NONE,
	CONNECTION_TIMER_FIRST,
	CONNECTION_TIMER_REQUEST,
	CONNECTION_TIMER_IDLE,
	CONNECTION_TIMER_WRITE,
	CONNECTION_TIMER_LINGER,
};

struct connection;

struct server_limits {
	size_t connections;  /* at once */
	uint64_t first_ms;   /* from the connection to the first byte of its first request */
	uint64_t request_ms; /* from the first byte of a request to its last */
	uint64_t idle_ms;    /* from a reply to the first byte of the next request */
	uint64_t write_ms;   /* from one part of a reply that the peer takes to the next */
	uint64_t linger_ms;  /* from the end to the peer's close */
};

/* What the agent uses. */
extern const struct server_limits server_default_limits;

struct server {
	struct loop *loop;
	struct server_limits limits;
	/* A request has arrived. Calls connection_reply() for it, now or later, exactly once. */
	void (*request)(struct connection *c, const char *body, size_t len);
	void *owner;                        /* for `request` */
	struct connection *oldest, *newest; /* by the time of their last request or reply */
	size_t count;
	uint64_t requests;        /* that have been taken */
	bool is_later;            /* of the port of later hosts: large requests are taken */
	uint64_t first_accept_ms; /* clock_ms() of the first connection; 0: none yet */
	/*
	 * Where a stream of plain bytes is expected on this port, too (NULL: never): true while one
	 * is. Then a connection whose first byte begins no frame, or that is silent for 300 ms, is
	 * given to `raw` with the bytes that have come; the descriptor is its own from there on.
	 */
	bool (*wants_raw)(void *owner);
	void (*raw)(void *owner, int fd, const char *bytes, size_t len);
};

struct connection {
	struct server *server;
	struct connection *older, *newer;
	enum connection_state state;
	struct loop_io io;
	uint32_t events; /* what the loop waits for */
	struct loop_timer timer;
	enum connection_timer timer_for;
	bool advancing; /* connection.c is at work on it, and will free it if need be */
	bool peer_done; /* the peer will send nothing more */
	bool last;      /* close after this reply */
	bool is_raw;    /* no frames: for the server's raw() */
	bool served;    /* a request has been answered */
	bool has_hello; /* ProtocolHello has been acknowledged on it */
	struct frame_reader in;
	char *out; /* what is left of the reply, from malloc() */
	size_t out_len, out_at;
	/* While handling: called when the peer has gone away; nobody is there to reply to then, and
	 * `c` must not be used any more. May stay NULL. */
	void (*gone)(struct connection *c);
	/* While handling: all that connection_send() has taken is out. May stay NULL. */
	void (*drained)(struct connection *c);
	void *work; /* the owner's */
};

/* Prepare a server without connections. */
void server_init(struct server *s, struct loop *loop,
	void (*request)(struct connection *c, const char *body, size_t len), void *owner);

/*
 * Close the connections that wait for a reply or have never had one, and give the peers of the
 * others `linger_ms` milliseconds to take theirs, as long as the loop runs. The server's `count`
 * says how many are left.
 */
void server_finish(struct server *s, uint64_t linger_ms);

/* Close all connections. */
void server_close(struct server *s);

/*
 * Serve the connected, non-blocking stream socket `fd`, which is the server's from here on, also
 * after an error. Returns 0, -EBUSY when there are too many and none is idle, -ENOMEM, or -errno of
 * epoll_ctl(2).
 */
int server_add(struct server *s, int fd);

/* Close the connection that has been idle for longest. False when none is idle. */
bool server_drop_idle(struct server *s);

/*
 * Send a reply: `write` appends its JSON to a buffer, and may be called twice, for a small buffer
 * and for a big one. What does not fit PROTOCOL_BODY_MAX becomes an Error. The connection may be
 * gone when this returns.
 */
void connection_reply(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg);

/*
 * While a request is handled: send a frame before the reply, which is the last one then. What the
 * peer does not take at once is kept; the owner looks at connection_backlog() and waits for
 * `drained` before it makes more. False when the connection is no more, and then nothing of it may
 * be used.
 */
bool connection_send(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg);

/* Bytes that the peer has not taken yet. */
size_t connection_backlog(const struct connection *c);

/* Send Error with `message`; with `last`, the connection is closed after it. */
void connection_error(struct connection *c, const char *message, bool last);

/* Append {"Error":{"message":...}}. `arg` is a const char *, made UTF-8 where it is not. */
void connection_write_error(struct buf *b, const void *arg);

#endif
