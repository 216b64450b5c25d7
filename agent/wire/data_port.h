/* SPDX-License-Identifier: MIT */
/*
 * Further vsock ports that the agent listens on: for streams of plain bytes, such as a console's or
 * a forwarded port's. As on the agent's own ports, only the host may connect.
 */
#ifndef AGENT_WIRE_DATA_PORT_H
#define AGENT_WIRE_DATA_PORT_H

#include "base/loop.h"
#include "base/problem.h"

#include <stdint.h>

struct data_port {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer pause; /* after a lack of descriptors or memory */
	uint32_t port;
	/*
	 * A host has connected: `fd` is non-blocking, close-on-exec and the callee's. The port may
	 * be closed within the call.
	 */
	void (*accepted)(struct data_port *d, int fd);
	void *owner; /* the caller's */
};

/*
 * Bind the port and listen; the caller answers its host after that. `accepted` and `owner` are set
 * before. Returns 0, or -errno with `p`: -EADDRINUSE when the port is taken.
 */
int data_port_open(struct data_port *d, struct loop *loop, uint32_t port, struct problem *p);

/* The same with a listening socket that is open already. Returns 0, or -errno of epoll_ctl(2). */
int data_port_adopt(struct data_port *d, struct loop *loop, int fd);

/* Stop listening; connections that were accepted live on. Safe for one that is not open (zeroed).
 */
void data_port_close(struct data_port *d);

#endif
