/* SPDX-License-Identifier: MIT */
/*
 * Vsock ports for streams of plain bytes, such as a console's or a forwarded port's. Only the host
 * may connect, as on the agent's request ports.
 */
#ifndef AGENT_WIRE_DATA_PORT_H
#define AGENT_WIRE_DATA_PORT_H

#include "base/loop.h"
#include "base/problem.h"

#include <stdint.h>

struct data_port {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer pause; /* runs after a lack of descriptors or memory */
	uint32_t port;
	/*
	 * A host connected. `fd` is non-blocking and close-on-exec; the callee owns it. The callee
	 * may close the port.
	 */
	void (*accepted)(struct data_port *d, int fd);
	void *owner; /* the caller's */
};

/*
 * Bind the port and listen. The caller sets `accepted` and `owner` before, and answers its host
 * afterwards. Returns 0, or -errno with `p`: -EADDRINUSE if the port is taken.
 */
int data_port_open(struct data_port *d, struct loop *loop, uint32_t port, struct problem *p);

/* The same with an open listening socket. Returns 0, or -errno of epoll_ctl(2). */
int data_port_adopt(struct data_port *d, struct loop *loop, int fd);

/* Stop listening. Accepted connections stay open. Does nothing for a zeroed struct. */
void data_port_close(struct data_port *d);

#endif
