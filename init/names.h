/* SPDX-License-Identifier: MIT */
/* The guest's own name: hostname, /etc/hostname, /etc/hosts. */
#ifndef INIT_NAMES_H
#define INIT_NAMES_H

#include "base/problem.h"

#include <stdbool.h>

/*
 * Set the host name to `hostname`, or to the name in /etc/hostname when that is empty. Update
 * /etc/hostname, and put localhost and the name into /etc/hosts, if they are not there. Failures
 * are told to `report`.
 */
void names_set_host(const char *hostname, const struct reporter *report);

/* True if a line of the hosts(5) text has the name `host`, in any letter case. */
bool names_are_in_hosts(const char *text, const char *host);

#endif
