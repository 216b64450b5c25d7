/* SPDX-License-Identifier: MIT */
/* Directories that the host shares over virtiofs. */
#ifndef MOUNTS_VIRTIOFS_H
#define MOUNTS_VIRTIOFS_H

#include "base/problem.h"

#include <stdbool.h>

/*
 * True if a share may be mounted at `path`: absolute, at least two components, none of them ".",
 * ".." or empty, and not in /proc, /sys, /dev, /etc, /nix, /run/mvm, /mnt/config or /mnt/secrets.
 */
bool virtiofs_path_is_allowed(const char *path);

/*
 * Mount the virtiofs device with the tag `tag` on `path` with MS_NOSUID and MS_NODEV, and create
 * `path` if it does not exist (the kernel's Documentation/filesystems/virtiofs.rst). Returns 0 or
 * -errno with `p`: EINVAL no such device, ENODEV a kernel without virtiofs.
 */
int virtiofs_mount(const char *tag, const char *path, struct problem *p);

#endif
