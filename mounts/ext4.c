/* SPDX-License-Identifier: MIT */
#include "mounts/ext4.h"

#define SUPERBLOCK  1024
#define MAGIC       (SUPERBLOCK + 0x38)
#define VOLUME_NAME (SUPERBLOCK + 0x78)

void ext4_parse(const unsigned char *bytes, size_t len, struct ext4_superblock *out)
{
	*out = (struct ext4_superblock){ 0 };
	if (len < EXT4_SUPERBLOCK_END || bytes[MAGIC] != 0x53 || bytes[MAGIC + 1] != 0xEF)
		return;
	out->ext4 = true;
	for (size_t i = 0; i < EXT4_LABEL_MAX - 1; i++) {
		unsigned char c = bytes[VOLUME_NAME + i];

		if (c <= ' ' || c > '~')
			break;
		out->label[i] = (char)c;
	}
}
