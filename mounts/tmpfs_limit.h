/* SPDX-License-Identifier: MIT */
/*
 * What all files in memory may take together. A file in a tmpfs stays when its writer is ended, so
 * the sum has to leave memory for processes.
 */
#ifndef MOUNTS_TMPFS_LIMIT_H
#define MOUNTS_TMPFS_LIMIT_H

#include "base/problem.h"

#include <stdint.h>

/*
 * Divide at most `bytes` among the file systems in memory that services can write to, where they
 * may have more than that together, and give each a file for every 4 KiB. `memory` is all of the
 * guest's, of which they have had their part by percent so far. What cannot be set is told to
 * `report`; what is not mounted is left out. Source: the kernel's
 * Documentation/filesystems/tmpfs.rst.
 */
void tmpfs_limit(uint64_t bytes, uint64_t memory, const struct reporter *report);

#endif
