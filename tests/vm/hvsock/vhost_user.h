/* SPDX-License-Identifier: MIT */
/*
 * The device's side of vhost-user: QEMU hands over guest memory and the two virtqueues.
 * Source: QEMU's docs/interop/vhost-user.rst.
 */
#ifndef HVSOCK_VHOST_USER_H
#define HVSOCK_VHOST_USER_H

#include <stdbool.h>

/* Serves QEMU on this listening socket, one QEMU at a time. Exits on failure. */
void vhost_user_init(int listener);

/* The listener has a connection waiting. */
void vhost_user_accept(void);

/*
 * A message of QEMU's waits. False when QEMU is gone, or was dropped for a bad message; the guest
 * is forgotten then, and the next QEMU may come.
 */
bool vhost_user_message(void);

#endif
