/* SPDX-License-Identifier: MIT */
/*
 * Secrets: a copy in memory of what the secrets drive holds, readable by the service group and by
 * nobody else, and never writable through /mnt/secrets.
 */
#ifndef MOUNTS_SECRETS_H
#define MOUNTS_SECRETS_H

#include "base/problem.h"

#include <sys/types.h>

/*
 * Copy the ext4 file system on `device` to a tmpfs of its own, dotfiles and subdirectories too, as
 * root:`group`, files 0440, directories 0550, and bind the copy read-only on /mnt/secrets; the
 * drive is not mounted afterwards. When the copy is there already it is refreshed in place: every
 * file is replaced by rename(2), so that a reader sees the old one or the new one, and what the
 * drive no longer has is removed last. A file that cannot be copied (no space, I/O error) is told
 * to `report`, and the others are there; it keeps its old contents on a refresh. Returns 0, or
 * -errno with `p` when nothing could be put in place: then /mnt/secrets is left as it was.
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
