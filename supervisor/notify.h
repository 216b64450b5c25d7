/* SPDX-License-Identifier: MIT */
/*
 * sd_notify(3)'s protocol: how a service says that it is ready, lives, or is about to end. Each run
 * of a command has a socket of its own, /run/mvm-notify/NAME, to which only root and the service's
 * user can write. A message counts for the service whose socket it came in on. Its sender may have
 * ended since, as a helper of a script does; one that lives and belongs to another service is
 * refused. With the run ends its socket, and what is still in it: no message reaches the next run.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "base/problem.h"
#include "supervisor/service.h"

#define NOTIFY_DIRECTORY "/run/mvm-notify"

/* True if the service's command gets a socket, in NOTIFY_SOCKET. */
bool notify_is_wanted(const struct service *v);

/*
 * Open the socket for the run that is about to start, where notify_is_wanted(). Without a socket,
 * which is logged, the service starts all the same. (unix(7), sd_notify(3))
 */
void notify_open(struct service *v);

/* Act on what has been sent so far. */
void notify_drain(struct service *v);

/* The command has ended: act on what it has sent, then close the socket. */
void notify_close(struct service *v);

#endif
