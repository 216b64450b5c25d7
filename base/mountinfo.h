/* SPDX-License-Identifier: MIT */
/* The table of mounts, proc(5) /proc/self/mountinfo. */
#ifndef BASE_MOUNTINFO_H
#define BASE_MOUNTINFO_H

#include <stdbool.h>

/*
 * Call `each` with the mount point and the source of every mount, in the order of the table: a
 * mount that hides another comes after it. Takes no memory, however many mounts there are. `each`
 * may change the mounts, because the kernel keeps the place in the table, but must not call this
 * function. Returns 0 or -errno.
 */
int mountinfo_each(void (*each)(void *arg, const char *point, const char *source), void *arg);

/* True if the directory `path` is on another file system than its parent directory. */
bool mountinfo_is_mount_point(const char *path);

#endif
