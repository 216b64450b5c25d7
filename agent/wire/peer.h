/* SPDX-License-Identifier: MIT */
/* Decides which peers may talk to the agent. */
#ifndef AGENT_WIRE_PEER_H
#define AGENT_WIRE_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * True if the peer with the address `address` (from accept4(2)) may make requests: only the host,
 * an AF_VSOCK peer with CID 2 (vsock(7), VMADDR_CID_HOST). No option changes this; a test program
 * links its own function of this name.
 */
bool peer_is_allowed(const struct sockaddr *address, socklen_t len);

#endif
