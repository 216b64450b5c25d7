/* SPDX-License-Identifier: MIT */
/* Names and ports under which the host and PID 1 find the agent. protocol/ has the messages. */
#ifndef BASE_AGENT_ADDRESS_H
#define BASE_AGENT_ADDRESS_H

#define PROTOCOL_AGENT_NAME  "mvm-guest-agent" /* the host looks for a file of this name */
#define PROTOCOL_AGENT_PORT  52                /* vsock; hosts of mvm up to 0.13 connect here */
#define PROTOCOL_AGENT_PORT1 5252              /* vsock; later hosts connect here */
#define PROTOCOL_HOST_PORT   53                /* the host listens here, for guests */
#define PROTOCOL_GUEST_CID   3 /* the CID that Firecracker hosts give a guest by default */

#endif
