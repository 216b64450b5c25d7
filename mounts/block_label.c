/* SPDX-License-Identifier: MIT */
#include "mounts/block_label.h"

#define SUPERBLOCK  1024
#define MAGIC       (SUPERBLOCK + 0x38)
#define VOLUME_NAME (SUPERBLOCK + 0x78)

void block_label_parse(const unsigned char *bytes, size_t len, struct block_label *out)
{
	*out = (struct block_label){ 0 };
	if (len < BLOCK_LABEL_BYTES || bytes[MAGIC] != 0x53 || bytes[MAGIC + 1] != 0xEF)
		return;
	out->ext4 = true;
	for (size_t i = 0; i < BLOCK_LABEL_MAX - 1; i++) {
		unsigned char c = bytes[VOLUME_NAME + i];

		if (c <= ' ' || c > '~')
			break;
		out->label[i] = (char)c;
	}
}
