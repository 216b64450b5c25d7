/* SPDX-License-Identifier: MIT */
/* Where the guest's agent is found, by the host and by PID 1. protocol/ has what is said there. */
#ifndef BASE_AGENT_ADDRESS_H
#define BASE_AGENT_ADDRESS_H

#define PROTOCOL_AGENT_NAME  "mvm-guest-agent" /* the host looks for a file of this name */
#define PROTOCOL_AGENT_PORT  52                /* vsock; hosts of mvm up to 0.13 connect here */
#define PROTOCOL_AGENT_PORT1 5252              /* vsock; later ones */
#define PROTOCOL_HOST_PORT   53                /* the host listens here, for guests */
#define PROTOCOL_GUEST_CID   3 /* what Firecracker's hosts give their guest by default */

#endif
