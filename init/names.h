/* SPDX-License-Identifier: MIT */
/* The guest's own name and its resolver: hostname, /etc/hosts, /etc/resolv.conf. */
#ifndef INIT_NAMES_H
#define INIT_NAMES_H

#include "base/problem.h"
#include "base/strings.h"
#include "init/network_config.h"

/*
 * Set the host name: `hostname`, or what /etc/hostname holds when that is empty. /etc/hostname and
 * an /etc/hosts with localhost and the name are written where they do not say so already. Failures
 * are told to `report`.
 */
void names_set_host(const char *hostname, const struct reporter *report);

/*
 * Write /etc/resolv.conf, unless it says the same already: the kernel command line's servers; else
 * those of init.ini; else an existing file stays; else, as mvm's guests always had it, 8.8.8.8.
 */
void names_set_resolver(const struct network_config *n, const struct strings *nameservers,
	const struct reporter *report);

#endif
