/* SPDX-License-Identifier: MIT */
/* ext4 on a block device: what its superblock says, why the kernel refuses it, and its growth. */
#ifndef MOUNTS_EXT4_H
#define MOUNTS_EXT4_H

#include "base/buf.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXT4_LABEL_MAX      17   /* volume names have 16 bytes; terminator included */
#define EXT4_SUPERBLOCK_END 2048 /* what ext4_parse() wants to see of the device */

struct ext4_superblock {
	bool ext4;                  /* an ext2/3/4 superblock is there */
	char label[EXT4_LABEL_MAX]; /* its volume name, "" when it has none */
	uint64_t blocks;            /* in the file system */
	uint64_t block_size;        /* bytes; 0: more than 1 MiB, which no kernel reads */
	uint32_t incompatible;      /* feature bits that a kernel must know */
	uint32_t read_only;         /* feature bits that it must know to write */
};

/*
 * Read the superblock out of the device's first `len` bytes (fewer than EXT4_SUPERBLOCK_END: none
 * found). Source: the kernel's Documentation/filesystems/ext4/super.rst: at byte 1024, magic 0xEF53
 * at 0x38, s_volume_name at 0x78. Bytes of the label that are not printable ASCII end it.
 */
void ext4_parse(const unsigned char *bytes, size_t len, struct ext4_superblock *out);

/*
 * Say why the kernel has just refused to mount the ext4 file system on `device`: the kernel's own
 * words from /dev/kmsg, else block size and feature bits. Adds nothing where there is no ext4.
 */
void ext4_explain_refusal(const char *device, struct buf *b);

/*
 * Let the file system that is mounted on `target` grow to the end of `device`, where it is smaller
 * (ioctl EXT4_IOC_RESIZE_FS, as resize2fs(8) does it). Returns the bytes that it has now, 0 when
 * there is nothing to do, or -errno with `p`.
 */
int64_t ext4_grow(const char *device, const char *target, struct problem *p);

#endif
