/* SPDX-License-Identifier: MIT */
/*
 * Connections of the agent: framed requests in, framed replies out, over any stream socket. Every
 * state has a deadline. No connection waits for another. Their number is limited: a new one
 * replaces the one that has been idle for longest.
 *
 * A connection cycles through reading a request, handling it (the owner answers at once or later)
 * and writing the reply. Requests that arrive early wait. After an error, or once the peer has sent
 * everything, the connection lingers until the peer closes, so that the reply is not lost.
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
	CONNECTION_READING,   /* reading a request, or waiting for one */
	CONNECTION_HANDLING,  /* the owner prepares the reply */
	CONNECTION_WRITING,   /* the socket did not take all of the reply yet */
	CONNECTION_REPLIED,   /* the reply is sent */
	CONNECTION_LINGERING, /* waiting for the peer to close */
	CONNECTION_CLOSED,    /* about to be freed */
};

/* The purpose of a connection's timer. */
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
	size_t connections;  /* most connections at a time */
	uint64_t first_ms;   /* from accept(2) to the first byte of the first request */
	uint64_t request_ms; /* from the first byte of a request to its last */
	uint64_t idle_ms;    /* from a reply to the first byte of the next request */
	uint64_t write_ms;   /* without the peer taking any bytes of a reply */
	uint64_t linger_ms;  /* from the last reply to the peer's close */
};

/* The agent's limits. */
extern const struct server_limits server_default_limits;

struct server {
	struct loop *loop;
	struct server_limits limits;
	/* A request arrived. Must call connection_reply() exactly once, now or later. */
	void (*request)(struct connection *c, const char *body, size_t len);
	void *owner;                        /* for `request` */
	struct connection *oldest, *newest; /* sorted by last request or reply */
	size_t count;
	uint64_t requests;        /* requests taken so far */
	bool is_later;            /* port of later hosts: takes large requests */
	uint64_t first_accept_ms; /* clock_ms() of the first connection; 0: none yet */
	/*
	 * True while a stream of plain bytes is expected on this port (NULL: never). A connection
	 * whose first byte does not begin a frame, or that is silent for 300 ms, is then passed to
	 * `raw` with the bytes received so far; `raw` owns the descriptor.
	 */
	bool (*wants_raw)(void *owner);
	void (*raw)(void *owner, int fd, const char *bytes, size_t len);
};

struct connection {
	struct server *server;
	struct connection *older, *newer;
	enum connection_state state;
	struct loop_io io;
	uint32_t events; /* epoll(7) events it waits for */
	struct loop_timer timer;
	enum connection_timer timer_for;
	bool advancing; /* advance() runs for it, and will free it if needed */
	bool peer_done; /* the peer has sent its last byte */
	bool last;      /* close after this reply */
	bool is_raw;    /* carries plain bytes: goes to the server's raw() */
	bool served;    /* a request has been answered */
	bool has_hello; /* ProtocolHello was acknowledged */
	struct frame_reader in;
	char *out; /* rest of the reply, from malloc() */
	size_t out_len, out_at;
	/* While handling: the peer went away. There must be no reply, and `c` must not be used
	 * again. May be NULL. */
	void (*gone)(struct connection *c);
	/* While handling: everything passed to connection_send() is sent. May be NULL. */
	void (*drained)(struct connection *c);
	void *work; /* the owner's */
};

/* Prepare a server without connections. */
void server_init(struct server *s, struct loop *loop,
	void (*request)(struct connection *c, const char *body, size_t len), void *owner);

/*
 * Close the connections that wait for a reply or never got one. Give the peers of the others
 * `linger_ms` milliseconds to read their reply, while the loop runs. The server's `count` says how
 * many are left.
 */
void server_finish(struct server *s, uint64_t linger_ms);

/* Close all connections. */
void server_close(struct server *s);

/*
 * Serve the connected, non-blocking stream socket `fd`. The server owns `fd` from here on, also
 * after an error. Returns 0, -EBUSY if there are too many connections and none is idle, -ENOMEM, or
 * -errno of epoll_ctl(2).
 */
int server_add(struct server *s, int fd);

/* Close the connection that has been idle for longest. False if none is idle. */
bool server_drop_idle(struct server *s);

/*
 * Send a reply. `write` appends its JSON to a buffer; it may be called twice, with a small buffer
 * and with a large one. A reply above PROTOCOL_BODY_MAX becomes an Error. The connection may be
 * gone when this returns.
 */
void connection_reply(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg);

/*
 * While a request is handled: send a frame that comes before the reply. Bytes that the peer does
 * not take at once are kept: the owner checks connection_backlog() and waits for `drained` before
 * it sends more. False if the connection is closed; it must not be used then.
 */
bool connection_send(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg);

/* Bytes kept that the peer has not taken yet. */
size_t connection_backlog(const struct connection *c);

/* Reply with an Error. With `last`, close the connection afterwards. */
void connection_error(struct connection *c, const char *message, bool last);

/* Append an Error. `arg` is the message, a const char *; invalid UTF-8 becomes U+FFFD. */
void connection_write_error(struct buf *b, const void *arg);

#endif
