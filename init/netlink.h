/* SPDX-License-Identifier: MIT */
/* rtnetlink(7): requests that configure an interface. Each function waits for the kernel's answer.
 */
#ifndef INIT_NETLINK_H
#define INIT_NETLINK_H

#include "init/network_config.h"

#include <stdbool.h>

/* Open a route netlink socket. Returns the descriptor or -errno. */
int netlink_open(void);

/* Set the interface `index` up, with an MTU of `mtu` bytes unless that is 0. Returns 0 or -errno
 * from the kernel. */
int netlink_link_up(int fd, unsigned int index, unsigned int mtu);

/* Add an address to an interface; no error if it has the address. Returns 0 or -errno. */
int netlink_address_add(int fd, unsigned int index, const struct network_address *a);

/* Remove an address. Returns 0 or -errno. */
int netlink_address_delete(int fd, unsigned int index, const struct network_address *a);

/*
 * Add a default route through `gateway`; no error if the route exists. With `is_on_link` the
 * gateway may be outside the networks of the interface (RTNH_F_ONLINK). Returns 0 or -errno.
 */
int netlink_default_route_add(
	int fd, unsigned int index, const struct network_address *gateway, bool is_on_link);

/* Returns 1 when the interface has an IPv4 address, 0 when it has none, or -errno. */
int netlink_has_address(int fd, unsigned int index);

#endif
