/* SPDX-License-Identifier: MIT */
/* Finding the config, secrets and data drives among the block devices, and mounting them. */
#ifndef MOUNTS_DRIVES_H
#define MOUNTS_DRIVES_H

#include "base/problem.h"
#include "mounts/ext4.h"

#include <stdbool.h>
#include <stddef.h>

#define DRIVE_DEVICE_MAX 64 /* bytes of a device path, terminator included */
#define DRIVES_SEEN_MAX  26 /* vda ... vdz */

enum drive_role { DRIVE_CONFIG, DRIVE_SECRETS, DRIVE_DATA, DRIVE_ROLES };

/* A block device other than the root's. */
struct drive_seen {
	char device[DRIVE_DEVICE_MAX]; /* "/dev/vdb" */
	bool read_only;                /* the device refuses writes (BLKROGET) */
	bool in_use; /* by a mount, a loop device or the device mapper: a layer of the root */
	struct ext4_superblock content;
};

struct drives {
	char device[DRIVE_ROLES][DRIVE_DEVICE_MAX]; /* "" when there is none */
	char unreadable[DRIVE_DEVICE_MAX];          /* the last one whose role is not known; "" */
	bool by_label[DRIVE_ROLES];
	char left_over[256]; /* drives without a role, each with the reason */
};

/* "config", "secrets", "data". */
const char *drive_role_name(enum drive_role role);

/* Where the role's drive is mounted: "/mnt/config" ... */
const char *drive_mount_point(enum drive_role role);

/*
 * Assign the roles to drives of `seen` (in the order of the device names, without the root's).
 * First comes `fixed`, the device paths from init.ini ("" for none); then the ext4 labels
 * mvm-config, mvm-secrets and mvm-data; then, for drives without an mvm label, the position. By
 * position, the first drive, if read-only, is config; a later read-only one is secrets; a writable
 * one is data. That covers both orders that hosts use: config, secrets, data and config, data,
 * secrets. Only the first three drives after vda get a role by position; a drive that is in use
 * takes no position.
 */
void drives_assign(const struct drive_seen *seen, size_t count,
	const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out);

/*
 * Look at /dev/vda ... /dev/vdz, up to the first that does not exist, and call drives_assign(). The
 * root's device is left out. A device that cannot be read is left out and told to `report`. One
 * more line tells `report` of the drives that got no role.
 */
void drives_find(const char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX], struct drives *out,
	const struct reporter *report);

/*
 * Mount the ext4 file system on `device` at `target` with MS_NOSUID, MS_NODEV and MS_NOEXEC,
 * read-only unless `writable`. A read-only device's journal cannot be replayed and is
 * ignored (mount option noload). Returns 0 or -errno with `p`.
 */
int drive_mount(const char *device, const char *target, bool writable, struct problem *p);

/*
 * Drop the kernel's cache of a device that is not mounted, so that the next mount reads what the
 * host has written since (ioctl BLKFLSBUF). Returns 0 or -errno.
 */
int drive_forget_cache(const char *device);

#endif
