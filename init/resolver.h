/* SPDX-License-Identifier: MIT */
/* /etc/resolv.conf. */
#ifndef INIT_RESOLVER_H
#define INIT_RESOLVER_H

#include "base/buf.h"
#include "base/problem.h"
#include "base/strings.h"
#include "init/network_config.h"

/*
 * Compose the text of resolv.conf(5) from its present text `now`. Servers come from the kernel
 * command line; else from init.ini (`nameservers`); else from `now`; else, if an address was
 * configured, the server is 8.8.8.8, as it always was in mvm's guests. The search list comes from
 * the kernel command line, else from `now`. Options stay. If no servers and no search list are
 * given, and `now` has a server, the text does not change.
 */
void resolver_compose(const struct network_config *n, const struct strings *nameservers,
	const char *now, struct buf *out);

/* Write that text to /etc/resolv.conf. Failures are told to `report`. */
void resolver_set(const struct network_config *n, const struct strings *nameservers,
	const struct reporter *report);

#endif
