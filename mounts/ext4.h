/* SPDX-License-Identifier: MIT */
/* ext4 on a block device: reading the superblock, explaining a refused mount, growing. */
#ifndef MOUNTS_EXT4_H
#define MOUNTS_EXT4_H

#include "base/buf.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXT4_LABEL_MAX      17   /* volume names have 16 bytes; terminator included */
#define EXT4_SUPERBLOCK_END 2048 /* bytes of the device that ext4_parse() needs */

struct ext4_superblock {
	bool ext4;                  /* an ext2/3/4 superblock was found */
	char label[EXT4_LABEL_MAX]; /* its volume name, "" when it has none */
	uint64_t blocks;            /* in the file system */
	uint64_t block_size;        /* bytes; 0: more than 1 MiB, which no kernel reads */
	uint32_t incompatible;      /* feature bits that a kernel must know */
	uint32_t read_only;         /* feature bits that a kernel must know to write */
};

/*
 * Read the superblock from the device's first `len` bytes; fewer than EXT4_SUPERBLOCK_END have
 * none. Source: the kernel's Documentation/filesystems/ext4/super.rst: at byte 1024, magic 0xEF53
 * at 0x38, s_volume_name at 0x78. The label ends at the first byte that is not printable ASCII.
 */
void ext4_parse(const unsigned char *bytes, size_t len, struct ext4_superblock *out);

/*
 * Append why the kernel has just refused to mount the ext4 file system on `device`: its own words
 * from /dev/kmsg, or the block size and feature bits. Adds nothing when the device has no ext4.
 */
void ext4_explain_refusal(const char *device, struct buf *b);

/*
 * Grow the file system mounted on `target` to the end of `device` (ioctl EXT4_IOC_RESIZE_FS, as
 * resize2fs(8) does). Returns its new size in bytes, 0 when it fills the device already, or -errno
 * with `p`.
 */
int64_t ext4_grow(const char *device, const char *target, struct problem *p);

#endif
