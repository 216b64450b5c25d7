/* SPDX-License-Identifier: MIT */
/* The guest's own name: hostname, /etc/hostname, /etc/hosts. */
#ifndef INIT_NAMES_H
#define INIT_NAMES_H

#include "base/problem.h"

#include <stdbool.h>

/*
 * Set the host name: `hostname`, or what /etc/hostname holds when that is empty. /etc/hostname and
 * an /etc/hosts with localhost and the name are written where they do not say so already. Failures
 * are told to `report`.
 */
void names_set_host(const char *hostname, const struct reporter *report);

/* True if a line of the hosts(5) text names `host`, in any letter case, behind its address. */
bool names_are_in_hosts(const char *text, const char *host);

#endif
