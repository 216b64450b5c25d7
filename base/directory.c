/* SPDX-License-Identifier: MIT */
#include "base/directory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An entry of getdents64(2), which the C libraries declare in different ways. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int each_in_block(
	const char *block, long len, int (*each)(void *arg, const char *name), void *arg)
{
	for (long at = 0; at < len;) {
		const struct entry *e = (const struct entry *)(block + at);
		int r = 0;

		if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0)
			r = each(arg, e->name);
		if (r != 0)
			return r;
		at += e->size;
	}
	return 0;
}

int directory_each(int fd, int (*each)(void *arg, const char *name), void *arg)
{
	char block[2048] __attribute__((aligned(8)));

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		long n = syscall(SYS_getdents64, fd, block, sizeof(block));
		int r;

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = each_in_block(block, n, each, arg);
		if (r != 0)
			return r;
	}
}
