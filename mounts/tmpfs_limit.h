/* SPDX-License-Identifier: MIT */
/*
 * The limit on all files in memory together. A file in a tmpfs stays when its writer is killed, so
 * the limit must leave memory for processes.
 */
#ifndef MOUNTS_TMPFS_LIMIT_H
#define MOUNTS_TMPFS_LIMIT_H

#include "base/problem.h"

#include <stdint.h>

/*
 * Lower the sizes of the file systems in memory that services can write to, so that together they
 * hold at most `bytes`, and allow each a file for every 4 KiB. `memory` is the guest's memory in
 * bytes; the sizes so far are percentages of it. File systems that are not mounted are skipped. A
 * size that cannot be set is told to `report`. Source: the kernel's
 * Documentation/filesystems/tmpfs.rst.
 */
void tmpfs_limit(uint64_t bytes, uint64_t memory, const struct reporter *report);

#endif
