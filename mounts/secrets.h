/* SPDX-License-Identifier: MIT */
/*
 * Secrets: a copy of the secrets drive in memory. Only root and the service group can read it, and
 * nobody can write to it through /mnt/secrets.
 */
#ifndef MOUNTS_SECRETS_H
#define MOUNTS_SECRETS_H

#include "base/problem.h"

#include <sys/types.h>

/*
 * Copy the ext4 file system on `device` to a tmpfs of its own, with dotfiles and subdirectories, as
 * root:`group`, files 0440, directories 0550. Bind the copy read-only on /mnt/secrets. The drive is
 * not mounted afterwards. An existing copy is refreshed in place: every file is replaced by
 * rename(2), so that a reader sees the old file or the new one, and files that the drive no longer
 * has are removed last. When a file cannot be copied (no space, I/O error), `report` is told, the
 * others are still copied, and a refresh keeps its old contents. Returns 0, or -errno with `p` when
 * the whole copy failed: then /mnt/secrets is left unchanged.
 */
int secrets_mount(
	const char *device, gid_t group, const struct reporter *report, struct problem *p);

/*
 * Copy the tree below `from` into the tree below `to` by the same rules. Returns the number of
 * files and directories that could not be copied; each was told to `report`.
 */
unsigned int secrets_copy(
	const char *from, const char *to, gid_t group, const struct reporter *report);

#endif
