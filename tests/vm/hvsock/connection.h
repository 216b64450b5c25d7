/* SPDX-License-Identifier: MIT */
/*
 * Connections: a Unix stream socket on the host's side, a pair of vsock ports on the guest's.
 *
 * Everything for the guest is produced lazily. A connection with something to say is on the run
 * list, and its packet is built (data is read straight from the Unix socket into guest memory) only
 * when the guest has given a buffer and credit. From the guest, at most options.buf_bytes a
 * connection can be waiting for a slow reader: that is what the guest is told.
 */
#ifndef HVSOCK_CONNECTION_H
#define HVSOCK_CONNECTION_H

#include "watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum conn_state {
	CONN_COMMAND,   /* a client; its CONNECT line is awaited */
	CONN_REQUESTED, /* REQUEST to be sent to the guest, or sent and unanswered */
	CONN_HOST_WAIT, /* the guest's REQUEST; the listener's backlog is full, to be retried */
	CONN_ESTABLISHED,
	CONN_DEAD, /* unlinked; freed at the end of the batch of events */
};

/* Control packets that a connection still has to send. */
enum {
	PENDING_REQUEST = 1,
	PENDING_RESPONSE = 2,
	PENDING_SHUTDOWN = 4,
	PENDING_CREDIT = 8,
	PENDING_CREDIT_REQUEST = 16,
};

/* Flags of a SHUTDOWN packet. */
enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

#define CONN_COMMAND_MAX 32

struct conn {
	struct watch watch;
	enum conn_state state;
	int fd;
	uint32_t host_port, guest_port;
	struct conn *hash_next;
	struct conn *all_prev, *all_next;
	struct conn *run_prev, *run_next;
	bool hashed, running;

	/* The Unix socket, edge-triggered. */
	bool can_read, can_write, hup;
	bool host_eof;      /* the client will send no more */
	bool host_deaf;     /* the client will read no more: discard */
	bool host_shut_out; /* we told the client: no more data */

	uint8_t pending;
	uint8_t shut_sent, shut_wanted; /* SHUTDOWN flags told, and to be told, to the guest */
	uint8_t shut_guest;             /* SHUTDOWN flags the guest told us */
	bool credit_asked;              /* a CREDIT_REQUEST is unanswered */

	uint32_t guest_buf, guest_fwd; /* the guest's buf_alloc and fwd_cnt */
	uint32_t sent;                 /* payload bytes sent to the guest */
	uint32_t got;                  /* payload bytes taken from the guest */
	uint32_t fwd;                  /* of those, passed on to the client */
	uint32_t fwd_told;             /* fwd as the guest last heard it */

	uint8_t *out; /* ring of options.buf_bytes, there only while it is needed */
	uint32_t out_head, out_len;

	uint64_t deadline_ms, give_up_ms; /* 0: none */
	uint8_t command_len;
	char command[CONN_COMMAND_MAX];
};

/* A reset that belongs to no connection, or no longer to one. */
struct conn_reset {
	uint32_t host_port, guest_port;
	uint16_t type;
};

/*
 * A new connection over fd (-1: none yet), or NULL: out of memory, or too many clients that have
 * not said CONNECT.
 */
struct conn *conn_new(int fd, enum conn_state state);

/* The connection with these ports, or NULL. */
struct conn *conn_lookup(uint32_t host_port, uint32_t guest_port);

/* Makes c known by its ports, which are set. */
void conn_register(struct conn *c);

/* Whether options.max_conns are registered. */
bool conn_limit_reached(void);

/* Forgets c and closes its socket; the guest is not told. */
void conn_destroy(struct conn *c);

/* Ends c: a reset for the guest, a close for the client. */
void conn_kill(struct conn *c, const char *why);

/* Frees the connections that were destroyed since the last call. */
void conn_free_dead(void);

/*
 * Destroys every connection and forgets the resets; keep_unseen spares those the guest has not
 * heard of.
 */
void conn_drop_all(bool keep_unseen);

/* Queues a reset for the guest; counts it as dropped when the queue is full. */
void conn_push_reset(uint32_t host_port, uint32_t guest_port, uint16_t type);

/* Takes the oldest queued reset; false when there is none. */
bool conn_pop_reset(struct conn_reset *r);

/* Takes the next connection with something to say off the run list; NULL when there is none. */
struct conn *conn_next_running(void);

/* Whether anything waits to be sent to the guest. */
bool conn_have_work(void);

/* Bytes the guest can still take. */
uint32_t conn_credit(const struct conn *c);

/* Whether the client may have bytes that the guest would accept. */
bool conn_can_read(const struct conn *c);

/* Has the guest told of the SHUTDOWN flags it has not heard yet. */
void conn_want_shutdown(struct conn *c, uint8_t flags);

/* After any change: works out what the guest must still be told, and queues c for it. */
void conn_update(struct conn *c);

/* Ends c's wait `ms` milliseconds from now: see conn_run_timers(). */
void conn_set_deadline(struct conn *c, uint32_t ms);

/* The earliest deadline on clock_now_ms(), 0 when there is none. */
uint64_t conn_next_deadline(void);

/* Calls expired(c) for each connection whose deadline has passed. */
void conn_run_timers(void (*expired)(struct conn *c));

/* Numbers for the statistics: registered connections, and clients that have not said CONNECT. */
void conn_counts(uint32_t *registered, uint32_t *waiting);

#endif
