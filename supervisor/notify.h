/* SPDX-License-Identifier: MIT */
/* sd_notify(3): services say that they are ready. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "base/loop.h"

struct supervisor;

#define NOTIFY_SOCKET_PATH "/run/mvm-notify"

/*
 * Open the datagram socket that services with ready = notify find in NOTIFY_SOCKET. A message
 * counts when its sender, by the credentials that the kernel attaches, is the service's process or
 * is in its cgroup. Returns 0 or -errno.
 */
int notify_open(struct supervisor *s);

#endif
