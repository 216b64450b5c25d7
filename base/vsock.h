/* SPDX-License-Identifier: MIT */
/* Addresses of AF_VSOCK (vsock(7)). Older kernel headers need the C library's sockets before them.
 */
#ifndef BASE_VSOCK_H
#define BASE_VSOCK_H

#include <sys/socket.h>

#include <linux/vm_sockets.h>

#endif
