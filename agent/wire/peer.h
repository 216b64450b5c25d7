/* SPDX-License-Identifier: MIT */
/* Who may talk to the agent. */
#ifndef AGENT_WIRE_PEER_H
#define AGENT_WIRE_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * May the peer with the address `address` (of accept4(2)) make requests? Only the host may: an
 * AF_VSOCK peer with CID 2 (vsock(7), VMADDR_CID_HOST). There is no option that changes this; a
 * test program brings its own function of this name.
 */
bool peer_is_allowed(const struct sockaddr *address, socklen_t len);

#endif
