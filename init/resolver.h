/* SPDX-License-Identifier: MIT */
/* /etc/resolv.conf. */
#ifndef INIT_RESOLVER_H
#define INIT_RESOLVER_H

#include "base/buf.h"
#include "base/problem.h"
#include "base/strings.h"
#include "init/network_config.h"

/*
 * Put together what resolv.conf(5) is to say, `now` being what it says. Its servers are the kernel
 * command line's; else those of init.ini (`nameservers`); else its own; else, where an address was
 * configured, 8.8.8.8, as mvm's guests always had it. Its search list is the kernel command line's,
 * else its own; and its options stay. Where neither servers nor a search list are given and it has
 * a server, it stays as it is.
 */
void resolver_compose(const struct network_config *n, const struct strings *nameservers,
	const char *now, struct buf *out);

/* Make /etc/resolv.conf say that. Failures are told to `report`. */
void resolver_set(const struct network_config *n, const struct strings *nameservers,
	const struct reporter *report);

#endif
