/* SPDX-License-Identifier: MIT */
/*
 * Two descriptors joined: bytes from one go into the other, both ways, as fast as the slower side
 * takes them. When one end reaches end of file, the other is half-closed and the other direction
 * goes on. Any mix of sockets, terminals and pipes; a loop runs any number of relays.
 */
#ifndef BASE_RELAY_H
#define BASE_RELAY_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_CHUNK                                                                                \
	16384 /* bytes read at a time; also the most that is kept for the other side               \
	       */

/* The bytes on their way from ends[n] to ends[1 - n] are flows[n]. */
struct relay_flow {
	char *kept; /* bytes that the other side has not taken, from malloc(); or NULL */
	size_t kept_len, kept_at;
	bool is_held;    /* not read for now: relay_hold() */
	bool read_ended; /* the end has reached end of file */
	bool is_over;    /* and the other side has been told, or is gone */
};

struct relay_end {
	struct relay *relay;
	int fd;    /* non-blocking; the relay closes it */
	bool gone; /* closed altogether, or broken: takes nothing */
	struct loop_io io;
	uint32_t events; /* that the loop waits for */
};

struct relay {
	struct loop *loop;
	struct relay_end ends[2];
	struct relay_flow flows[2];
	bool is_stepping, is_closed, has_told_over;
	/* Both directions are over, or memory is used up. The owner calls relay_close(). */
	void (*over)(struct relay *r);
	/* Everything from ends[from] is written. NULL: shutdown(2) of the other end for writing. */
	void (*ended)(struct relay *r, int from);
	/* An end has closed both directions. May be NULL; bytes from before are still passed on. */
	void (*vanished)(struct relay *r, int end);
	/* `len` bytes at `bytes` have been read from ends[from]; there is room for one more.
	 * Returns how many to pass on. NULL: all of them. */
	size_t (*passing)(struct relay *r, int from, char *bytes, size_t len);
	void *owner;
};

/*
 * Join `first` and `second`. Both are non-blocking and belong to the relay from now on, also after
 * an error. Before the call, the caller sets the callbacks and the owner and zeroes all else.
 * Callbacks come from the loop, never from here; any of them may call relay_close(). Returns 0 or
 * -errno of epoll_ctl(2).
 */
int relay_start(struct relay *r, struct loop *loop, int first, int second);

/* Stop or go on with reading from ends[from]. */
void relay_hold(struct relay *r, int from, bool hold);

/*
 * Pass `len` bytes on as if they came from ends[from]: before any others do, or from `ended`.
 * Returns 0, or -ENOBUFS when more than RELAY_CHUNK bytes wait already.
 */
int relay_inject(struct relay *r, int from, const char *bytes, size_t len);

/* Close both ends and free kept bytes. Safe for a relay that is closed or zeroed. */
void relay_close(struct relay *r);

/* True if no byte from ends[from] waits for the other side. */
bool relay_is_drained(const struct relay *r, int from);

/* True if the socket's peer has closed altogether, not only its own half. */
bool relay_peer_is_gone(int fd);

#endif
