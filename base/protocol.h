/* SPDX-License-Identifier: MIT */
/* What the agent and the host agree on: addresses, frames, limits. mvm-protocol(7) has the
 * messages. */
#ifndef BASE_PROTOCOL_H
#define BASE_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_AGENT_NAME   "mvm-guest-agent" /* the host looks for a file of this name */
#define PROTOCOL_AGENT_PORT   52                /* the guest's agent listens here */
#define PROTOCOL_HOST_PORT    53                /* the host listens here, for guests */
#define PROTOCOL_GUEST_CID    3      /* what Firecracker's hosts give their guest by default */
#define PROTOCOL_BODY_MAX     262144 /* bytes of a frame's body, at most */
#define PROTOCOL_HEADER_BYTES 4      /* length of the body, big-endian */

/* Write the header of a frame whose body has `len` bytes. */
void protocol_header_encode(uint32_t len, unsigned char header[PROTOCOL_HEADER_BYTES]);

/* The length that a header gives. The caller compares it with PROTOCOL_BODY_MAX. */
uint32_t protocol_header_decode(const unsigned char header[PROTOCOL_HEADER_BYTES]);

#endif
