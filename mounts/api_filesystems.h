/* SPDX-License-Identifier: MIT */
/* The file systems that the kernel offers and every program expects: /proc, /sys, /dev, /run, ...
 */
#ifndef MOUNTS_API_FILESYSTEMS_H
#define MOUNTS_API_FILESYSTEMS_H

#include "base/problem.h"

/*
 * Mount the API file systems in the order of one table, make their
 * directories and the links in /dev. What is mounted already stays. Every entry is tried; each
 * failure is told to `report`. Returns the number of failures. Sources: the kernel's
 * Documentation/filesystems, hier(7), systemd's API file systems page.
 */
unsigned int api_filesystems_mount(const struct reporter *report);

#endif
