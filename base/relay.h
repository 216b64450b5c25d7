/* SPDX-License-Identifier: MIT */
/*
 * Two descriptors joined: what comes out of one goes into the other, both ways, as fast as the
 * slower side takes it. An end that has no more to say is half-closed on the other side, while the
 * other direction goes on. Any mix of sockets, terminals and pipes; a loop runs any number of them.
 */
#ifndef BASE_RELAY_H
#define BASE_RELAY_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_CHUNK 16384 /* bytes that are read at a time, and kept at most for the other side */

/* What goes from ends[n] to ends[1 - n] is flows[n]. */
struct relay_flow {
	char *kept; /* what the other side has not taken, from malloc(); NULL: nothing */
	size_t kept_len, kept_at;
	bool is_held;    /* not read for now: relay_hold() */
	bool read_ended; /* the end has no more to say */
	bool is_over;    /* and the other side has been told, or takes nothing */
};

struct relay_end {
	struct relay *relay;
	int fd;    /* non-blocking; the relay closes it */
	bool gone; /* closed altogether, or broken: takes nothing */
	struct loop_io io;
	uint32_t events; /* what the loop waits for */
};

struct relay {
	struct loop *loop;
	struct relay_end ends[2];
	struct relay_flow flows[2];
	bool is_stepping, is_closed, has_told_over;
	/* Both directions are over, or memory is. The owner calls relay_close(). */
	void (*over)(struct relay *r);
	/* All that ends[from] had to say is out. NULL: shutdown(2) of the other end for writing. */
	void (*ended)(struct relay *r, int from);
	/* An end has closed altogether. May be NULL; what it said before is still passed on. */
	void (*vanished)(struct relay *r, int end);
	/* `len` bytes at `bytes` have been read from ends[from]; there is room for one more.
	 * Returns how many to pass on. NULL: all of them. */
	size_t (*passing)(struct relay *r, int from, char *bytes, size_t len);
	void *owner;
};

/*
 * Join `first` and `second`, which are non-blocking and the relay's from here on, also after an
 * error. The callbacks and the owner are set before, all else is zero. Callbacks come from the
 * loop, never from here; relay_close() may be called in any of them. Returns 0 or -errno of
 * epoll_ctl(2).
 */
int relay_start(struct relay *r, struct loop *loop, int first, int second);

/* Stop or go on with reading from ends[from]. */
void relay_hold(struct relay *r, int from, bool hold);

/*
 * Pass `len` bytes on as though ends[from] had said them: before it says anything, or from
 * `ended`. Returns 0, or -ENOBUFS when more than RELAY_CHUNK bytes wait already.
 */
int relay_inject(struct relay *r, int from, const char *bytes, size_t len);

/* Close both ends and free what is kept. Safe for one that is closed, or zeroed. */
void relay_close(struct relay *r);

/* True if nothing that ends[from] has said waits for the other side. */
bool relay_is_drained(const struct relay *r, int from);

/* True if the socket's peer has closed altogether, not only its own half. */
bool relay_peer_is_gone(int fd);

#endif
