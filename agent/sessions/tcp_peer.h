/* SPDX-License-Identifier: MIT */
#ifndef AGENT_SESSIONS_TCP_PEER_H
#define AGENT_SESSIONS_TCP_PEER_H

#include <stdbool.h>

/*
 * True if the other end of a loopback connection, from which an end of file has come, belongs to no
 * process any more: it was closed, and not only shut down for writing. TCP does not tell the two
 * apart, but both ends are this kernel's: proc_pid_net(5), tcp and tcp6.
 */
bool tcp_peer_is_closed(int fd);

#endif
