/* SPDX-License-Identifier: MIT */
/*
 * The protocol of sd_notify(3), by which a service says that it is ready, alive, or about to end.
 * Each run of a command has its own socket, /run/mvm-notify/NAME, which only root and the service's
 * user can write to. A message counts for the service that owns the socket. The sender may have
 * ended already, like a script's helper. A sender that lives and belongs to another service is
 * refused. At the end of the run the socket is closed, so that no message reaches the next run.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "base/problem.h"
#include "supervisor/service.h"

#define NOTIFY_DIRECTORY "/run/mvm-notify"

/* True if the service's command gets a socket, named in NOTIFY_SOCKET. */
bool notify_is_wanted(const struct service *v);

/*
 * Open the socket for the run that is about to start, if notify_is_wanted(). A failure is logged,
 * and the service starts without a socket. (unix(7), sd_notify(3))
 */
void notify_open(struct service *v);

/* Act on the messages sent so far. */
void notify_drain(struct service *v);

/* The command has ended: act on its last messages, then close the socket. */
void notify_close(struct service *v);

#endif
