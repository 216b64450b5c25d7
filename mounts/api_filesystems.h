/* SPDX-License-Identifier: MIT */
/* The file systems that the kernel offers and every program expects: /proc, /sys, /dev, /run, ...
 */
#ifndef MOUNTS_API_FILESYSTEMS_H
#define MOUNTS_API_FILESYSTEMS_H

#include "base/problem.h"

/*
 * Mount the API file systems in the order of one table, and make their directories and the links in
 * /dev. Existing mounts stay. A failure is told to `report` and does not stop the rest. Returns the
 * number of failures. Sources: the kernel's Documentation/filesystems, hier(7), systemd's API file
 * systems page.
 */
unsigned int api_filesystems_mount(const struct reporter *report);

#endif
