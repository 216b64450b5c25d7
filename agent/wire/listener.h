/* SPDX-License-Identifier: MIT */
/* The listening socket: takes connections of the host, and of nobody else. */
#ifndef AGENT_WIRE_LISTENER_H
#define AGENT_WIRE_LISTENER_H

#include "agent/wire/connection.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>

/* Something that may happen often, and has a log line every ten seconds at most. */
struct listener_notice {
	uint64_t quiet_until_ms;
	unsigned long count; /* since the last line */
};

struct listener {
	struct server *server;
	struct loop_io io;
	struct loop_timer pause; /* until it accepts again, after a lack of descriptors or memory */
	struct listener_notice refused, lacking, busy;
	int error; /* -errno when the socket cannot accept any more */
};

/*
 * Bind an AF_VSOCK socket to `port` on every CID of this machine and listen. Returns the
 * descriptor, or -errno with `p`.
 */
int listener_bind(uint32_t port, struct problem *p);

/*
 * Take over the descriptor `fd` from the program that started this one: check that it is a
 * listening socket, and make it non-blocking and close-on-exec. Returns 0 or -errno with `p`.
 */
int listener_adopt(int fd, struct problem *p);

/*
 * Accept connections on `fd` into `server`. Connections of other peers than the host are closed at
 * once. Without free descriptors or memory
 * idle connections are closed, or accepting pauses; nothing spins. Each of
 * this is counted, and said at most every ten seconds. Returns 0 or -errno.
 */
int listener_start(struct listener *l, struct server *server, int fd);

/* The vsock port that `fd` is bound to, or `otherwise` when it is no vsock. */
uint32_t listener_port(int fd, uint32_t otherwise);

/* Stop accepting, and close the socket. */
void listener_close(struct listener *l);

#endif
