/* SPDX-License-Identifier: MIT */
/* Writable directories on a root that is read-only: overlayfs with the changes in memory. */
#ifndef MOUNTS_OVERLAY_H
#define MOUNTS_OVERLAY_H

#include "base/problem.h"

#include <stdbool.h>

/* True if the root file system is mounted read-only (statvfs(3)). */
bool overlay_root_is_read_only(void);

/*
 * Put overlays on /etc and /var, if the root has them. The lower layer is the image; changes go to
 * one tmpfs of at most a quarter of the memory, which only root can reach. A directory whose
 * overlay fails stays read-only, and `report` is told why. Returns the number of failures. Source:
 * the kernel's Documentation/filesystems/overlayfs.rst.
 */
unsigned int overlay_mount_all(const struct reporter *report);

/*
 * Put an overlay on /home or /root when `home` is that directory or lies in it, unless it has one
 * already. Call after overlay_mount_all(). Returns 0 or -errno with `p`.
 */
int overlay_mount_home(const char *home, struct problem *p);

#define OVERLAY_CHANGES "/run/mvm/overlay" /* where the changes are: NAME, and NAME.work */

/*
 * Write to `out`, as base/control.h has it for CONTROL_CHANGES, what differs in the overlays from
 * the image. For a process that does nothing else: it takes the overlays away from itself, in a
 * mount namespace of its own, to see what is below.
 * Source: overlayfs.rst, "whiteouts and opaque directories"; mount_namespaces(7).
 */
void overlay_write_changes(int out);

#endif
