/* SPDX-License-Identifier: MIT */
/*
 * Requests of the guest to the host, which listens on vsock port 53 (Firecracker connects that to
 * the Unix socket <uds_path>_53). One request and one answer per connection.
 */
#ifndef AGENT_LINK_HOST_CLIENT_H
#define AGENT_LINK_HOST_CLIENT_H

#include "base/buf.h"
#include "base/problem.h"
#include "protocol/messages.h"

enum host_outcome {
	HOST_YES,         /* woken, or the status was told */
	HOST_NO,          /* the host gave another answer */
	HOST_UNREACHABLE, /* the host did not answer */
};

/*
 * Connect to the host. Returns a descriptor with a timeout of ten seconds for reads and writes, or
 * -errno with `p`, which names the likely cause.
 */
int host_connect(struct problem *p);

/* The same without waiting: the descriptor can be written to when it is connected. Returns it, or
 * -errno of socket(2) or connect(2). */
int host_connect_begin(void);

/*
 * Send a request on the connected, blocking `fd` and wait for the answer. `text` becomes the host's
 * answer in words, or the error.
 */
enum host_outcome host_ask(
	int fd, enum message_kind request, const struct host_instance *i, struct buf *text);

#endif
