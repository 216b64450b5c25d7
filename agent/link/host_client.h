/* SPDX-License-Identifier: MIT */
/*
 * The other way round: a service in the guest asks the host, which listens on vsock port 53
 * (Firecracker passes that on to the Unix socket <uds_path>_53). One request, one answer.
 */
#ifndef AGENT_LINK_HOST_CLIENT_H
#define AGENT_LINK_HOST_CLIENT_H

#include "base/buf.h"
#include "base/problem.h"
#include "protocol/messages.h"

enum host_outcome {
	HOST_YES,         /* woken, or the status is known */
	HOST_NO,          /* the host has answered, but not with that */
	HOST_UNREACHABLE, /* nobody has answered */
};

/*
 * Connect to the host. Returns a descriptor whose reads and writes end after ten seconds, or -errno
 * with `p`, which says what to look for.
 */
int host_connect(struct problem *p);

/*
 * Ask on the connected, blocking `fd`, and describe the outcome in `text`: what the host says, or
 * what went wrong.
 */
enum host_outcome host_ask(
	int fd, enum message_kind request, const struct host_instance *i, struct buf *text);

#endif
