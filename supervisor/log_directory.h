/* SPDX-License-Identifier: MIT */
/* The directory of a log file, found without being led elsewhere by a service. */
#ifndef SUPERVISOR_LOG_DIRECTORY_H
#define SUPERVISOR_LOG_DIRECTORY_H

#include "base/problem.h"

#include <stdbool.h>

/*
 * Open the directory that `path`, an absolute one, is in, name by name from "/". What only root can
 * write to is trusted: a symbolic link there is followed, as the image has made it. From the first
 * directory on that others can write to no link is followed, whatever it leads to, and no "..":
 * its owner could change it at any time. (openat2(2) knows RESOLVE_NO_SYMLINKS, but not where to
 * begin with it, and came with Linux 5.6.) Directories that are missing are made, mode 0755,
 * root's, with `is_to_make`. `name` becomes the last part of `path`. Returns a descriptor, or
 * -errno with `p`.
 */
int log_directory_open(const char *path, bool is_to_make, const char **name, struct problem *p);

#endif
