/* SPDX-License-Identifier: MIT */
/* Writable directories on a root that is read-only: overlayfs with the changes in memory. */
#ifndef MOUNTS_OVERLAY_H
#define MOUNTS_OVERLAY_H

#include "base/problem.h"

#include <stdbool.h>

/* True if the root file system is mounted read-only (statvfs(3)). */
bool overlay_root_is_read_only(void);

/*
 * Put overlays on /etc and /var, where the root has them: below is what the image holds, and
 * changes go to one tmpfs of at most a quarter of the memory, which only root can reach. Each
 * failure is told to `report`, and that directory stays read-only. Returns the number of failures.
 * Source: the kernel's Documentation/filesystems/overlayfs.rst.
 */
unsigned int overlay_mount_all(const struct reporter *report);

/*
 * Put an overlay on /home or /root, whichever the directory `home` is in or is, unless there is one
 * already. After overlay_mount_all(). Returns 0 or -errno with `p`.
 */
int overlay_mount_home(const char *home, struct problem *p);

#endif
