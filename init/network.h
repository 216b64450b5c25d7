/* SPDX-License-Identifier: MIT */
/* Bring up lo and eth0. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

#include "init/network_config.h"

/*
 * Set up lo, then the configured device with its addresses and default routes (rtnetlink(7)),
 * without waiting for a link. If `n` has no address, a device that the kernel has configured is not
 * changed. Every failure is told to `report`; `summary` (`size` bytes) gets a line about the
 * result. Returns 0, or the first -errno.
 */
int network_configure(
	const struct network_config *n, char *summary, size_t size, const struct reporter *report);

/*
 * Replace the first IPv4 address of `n` on the device by `to`, with the same prefix length unless
 * `to` has one, and set the default routes of `n` again. Returns 0 or -errno with `p`.
 */
int network_readdress(struct network_config *n, const char *to, struct problem *p);

#endif
