/* SPDX-License-Identifier: MIT */
/* Unmounting everything before the machine stops. */
#ifndef MOUNTS_UNMOUNT_H
#define MOUNTS_UNMOUNT_H

#include "base/problem.h"

/*
 * Unmount every file system whose source is a device, nested ones first. The root and busy ones
 * become read-only instead. Takes no memory, however many mounts there are. `report` is told of a
 * file system that could be neither unmounted nor made read-only, and of a mount table that cannot
 * be read (proc(5), /proc/self/mountinfo).
 */
void unmount_devices(const struct reporter *report);

#endif
