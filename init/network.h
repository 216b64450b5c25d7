/* SPDX-License-Identifier: MIT */
/* Bring up lo and eth0. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

#include "init/network_config.h"

/*
 * Set lo up, then the configured device with its addresses and default routes, by rtnetlink;
 * nothing is waited for. Without an address in `n`, a device that the kernel has configured is left
 * as it is. Every failure is told to `report`; `summary` (`size` bytes) gets one line about the
 * outcome. Returns 0, or the first -errno.
 */
int network_configure(
	const struct network_config *n, char *summary, size_t size, const struct reporter *report);

/*
 * Exchange the IPv4 address of the device: `from` goes, `to` comes with the same prefix length, and
 * the default routes of `n` are set again, where their gateways can still be reached. Returns 0
 * or -errno with `p`.
 */
int network_readdress(struct network_config *n, const char *to, struct problem *p);

#endif
