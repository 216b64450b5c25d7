/* SPDX-License-Identifier: MIT */
/* What a block device holds, read from its first 4 KiB without mounting it. */
#ifndef MOUNTS_EXT4_H
#define MOUNTS_EXT4_H

#include <stdbool.h>
#include <stddef.h>

#define EXT4_LABEL_MAX      17   /* ext4 volume names have 16 bytes; terminator included */
#define EXT4_SUPERBLOCK_END 2048 /* what ext4_parse() wants to see of the device */

struct ext4_superblock {
	bool ext4;                  /* an ext2/3/4 superblock is there */
	char label[EXT4_LABEL_MAX]; /* its volume name, "" when it has none */
};

/*
 * Read the superblock out of the device's first `len` bytes (fewer than EXT4_SUPERBLOCK_END: none
 * found). Source: the kernel's Documentation/filesystems/ext4/super.rst: at byte 1024, magic 0xEF53
 * at 0x38, s_volume_name at 0x78. Bytes of the label that are not printable ASCII end it.
 */
void ext4_parse(const unsigned char *bytes, size_t len, struct ext4_superblock *out);

#endif
