/* SPDX-License-Identifier: MIT */
#ifndef AGENT_SESSIONS_TCP_PEER_H
#define AGENT_SESSIONS_TCP_PEER_H

#include <stdbool.h>

/*
 * True if no process owns the other end of a loopback connection that sent an end of file: it was
 * closed, not only shut down for writing. TCP does not tell these apart, but both ends belong to
 * this kernel, which lists them in proc_pid_net(5), tcp and tcp6.
 */
bool tcp_peer_is_closed(int fd);

#endif
