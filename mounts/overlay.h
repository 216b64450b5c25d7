/* SPDX-License-Identifier: MIT */
/* Writable directories on a root that is read-only: overlayfs with the changes in memory. */
#ifndef MOUNTS_OVERLAY_H
#define MOUNTS_OVERLAY_H

#include "base/problem.h"

#include <stdbool.h>

/* Is the root file system mounted read-only? (statvfs(3)) */
bool overlay_root_is_read_only(void);

/*
 * Put an overlay on each of /etc, /var, /home and /root that the root has: below is what the image
 * holds, and changes go to one tmpfs of at most half the memory, which only root can reach. Each
 * failure is told to `report`, and that directory stays read-only. Returns the number of failures.
 * Source: the kernel's Documentation/filesystems/overlayfs.rst.
 */
unsigned int overlay_mount_all(void (*report)(const struct problem *p));

#endif
