/* SPDX-License-Identifier: MIT */
/* Which block device is the config, the secrets and the data drive, and mounting them. */
#ifndef MOUNTS_DRIVES_H
#define MOUNTS_DRIVES_H

#include "base/problem.h"
#include "mounts/ext4.h"

#include <stdbool.h>
#include <stddef.h>

#define DRIVE_DEVICE_MAX 64 /* bytes of a device path, terminator included */
#define DRIVES_SEEN_MAX  26 /* vda ... vdz */

enum drive_role { DRIVE_CONFIG, DRIVE_SECRETS, DRIVE_DATA, DRIVE_ROLES };

/* One block device beside the root's. */
struct drive_seen {
	char device[DRIVE_DEVICE_MAX]; /* "/dev/vdb" */
	bool read_only;                /* the device refuses writes (BLKROGET) */
	bool in_use; /* a mount, a loop device or the device mapper has it: the root's layers */
	struct ext4_superblock content;
};

struct drives {
	char device[DRIVE_ROLES][DRIVE_DEVICE_MAX]; /* "" where there is none */
	bool by_label[DRIVE_ROLES];
	char left_over[256]; /* the drives without a role, each with the reason; "" when none is */
};

/* "config", "secrets", "data". */
const char *drive_role_name(enum drive_role role);

/* Where the role's drive is mounted: "/mnt/config" ... */
const char *drive_mount_point(enum drive_role role);

/*
 * Give out the roles among `seen` (in the order of the device names, the root's left out): first
 * what `fixed` names (device paths from init.ini, "" where it names none), then by ext4 label
 * (mvm-config, mvm-secrets, mvm-data), then, among drives without an mvm label, by position: the
 * first one, read-only, is config; a later read-only one is secrets; a writable one is data. That
 * covers both orders that hosts use: config, secrets, data and config, data, secrets. The first
 * three drives after vda have a role by position; one that is in use already takes no position.
 */
void drives_assign(const struct drive_seen *seen, size_t count,
	const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out);

/*
 * Look at /dev/vda ... /dev/vdz, up to the first that is not there, and call drives_assign(). The
 * root's device is left out. A device that cannot be read is told to `report` and left out; so are,
 * in one line, the drives that are left over.
 */
void drives_find(const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out,
	const struct reporter *report);

/*
 * Mount the ext4 file system on `device` at `target` with MS_NOSUID, MS_NODEV and MS_NOEXEC,
 * read-only unless `writable`. A journal that cannot be replayed because the device is read-only is
 * left alone (mount option noload). Returns 0 or -errno with `p`.
 */
int drive_mount(const char *device, const char *target, bool writable, struct problem *p);

/*
 * Drop what the kernel has cached of a device that is not mounted, so that the next mount reads
 * what the host has put there since (ioctl BLKFLSBUF). Returns 0 or -errno.
 */
int drive_forget_cache(const char *device);

#endif
