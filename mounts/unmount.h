/* SPDX-License-Identifier: MIT */
/* The end of file systems, before the machine ends. */
#ifndef MOUNTS_UNMOUNT_H
#define MOUNTS_UNMOUNT_H

#include "base/problem.h"

/*
 * Unmount every file system whose source is a device, what is mounted on another before that one.
 * The root and whatever is still busy become read-only instead. However many mounts there are, it
 * takes no memory. What could be neither is told to `report`, and so is a mount table that cannot
 * be read (proc(5), /proc/self/mountinfo).
 */
void unmount_devices(const struct reporter *report);

#endif
