/* SPDX-License-Identifier: MIT */
/* The table of mounts, proc(5) /proc/self/mountinfo. */
#ifndef BASE_MOUNTINFO_H
#define BASE_MOUNTINFO_H

#include <stdbool.h>

/*
 * Call `each` with the mount point and the source of every mount, in the order of the table: a
 * mount that hides another comes behind it. However many there are, it takes no memory. `each` may
 * change the mounts: the kernel keeps the place in the table. Not to be called by `each` itself.
 * Returns 0 or -errno.
 */
int mountinfo_each(void (*each)(void *arg, const char *point, const char *source), void *arg);

/* True if another file system is mounted on the directory `path` than the one that it lies in. */
bool mountinfo_is_mount_point(const char *path);

#endif
