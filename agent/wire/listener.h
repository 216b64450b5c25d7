/* SPDX-License-Identifier: MIT */
/* The listening socket. Accepts connections from the host only. */
#ifndef AGENT_WIRE_LISTENER_H
#define AGENT_WIRE_LISTENER_H

#include "agent/wire/connection.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stdint.h>

/* An event that may happen often. It is logged every ten seconds at most. */
struct listener_notice {
	uint64_t quiet_until_ms;
	unsigned long count; /* events since the last log line */
};

struct listener {
	struct server *server;
	struct loop_io io;
	struct loop_timer pause; /* runs after a lack of descriptors or memory */
	struct listener_notice refused, lacking, busy;
	int error; /* -errno once the socket can never accept again */
};

/*
 * Bind an AF_VSOCK socket to `port` on every CID of this machine and listen. Returns the
 * descriptor, or -errno with `p`.
 */
int listener_bind(uint32_t port, struct problem *p);

/*
 * Take over the descriptor `fd` from the program that started this one. Checks that it is a
 * listening socket and makes it non-blocking and close-on-exec. Returns 0 or -errno with `p`.
 */
int listener_adopt(int fd, struct problem *p);

/*
 * Accept connections on `fd` into `server`. A connection that is not from the host is closed at
 * once. If descriptors or memory run out, an idle connection is closed, or accepting pauses. These
 * events are counted and logged every ten seconds at most. Returns 0 or -errno.
 */
int listener_start(struct listener *l, struct server *server, int fd);

/* The vsock port that `fd` is bound to; `otherwise` if `fd` is not a vsock. */
uint32_t listener_port(int fd, uint32_t otherwise);

/* Stop accepting, and close the socket. */
void listener_close(struct listener *l);

#endif
