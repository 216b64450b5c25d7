/* SPDX-License-Identifier: MIT */
/* rtnetlink(7): the few requests that configure an interface. Every request is acknowledged before
 * it returns. */
#ifndef INIT_NETLINK_H
#define INIT_NETLINK_H

#include "init/network_config.h"

#include <stdbool.h>

/* Open a route netlink socket. Returns the descriptor or -errno. */
int netlink_open(void);

/* Set the interface `index` up, with an MTU of `mtu` bytes unless that is 0. Returns 0 or -errno
 * from the kernel. */
int netlink_link_up(int fd, unsigned int index, unsigned int mtu);

/* Add an address to an interface. An address that is there already is fine. Returns 0 or -errno. */
int netlink_address_add(int fd, unsigned int index, const struct network_address *a);

/* Take an address away. Returns 0 or -errno. */
int netlink_address_delete(int fd, unsigned int index, const struct network_address *a);

/*
 * Add a default route through `gateway`, with `is_on_link` also where no address of the interface
 * has it in its network (RTNH_F_ONLINK). One that is there already is fine. Returns 0 or -errno.
 */
int netlink_default_route_add(
	int fd, unsigned int index, const struct network_address *gateway, bool is_on_link);

/* Look for an IPv4 address of the interface. Returns 1 when it has one, 0, or -errno. */
int netlink_has_address(int fd, unsigned int index);

#endif
