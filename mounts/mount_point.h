/* SPDX-License-Identifier: MIT */
#ifndef MOUNTS_MOUNT_POINT_H
#define MOUNTS_MOUNT_POINT_H

#include <stdbool.h>

/* Is another file system mounted on the directory `path` than the one that it lies in? */
bool mount_point_is_used(const char *path);

#endif
