/* SPDX-License-Identifier: MIT */
#include "mounts/ext4.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SUPERBLOCK     1024
#define BLOCKS         0x04
#define LOG_BLOCK_SIZE 0x18
#define MAGIC          0x38
#define INCOMPATIBLE   0x60
#define READ_ONLY      0x64
#define VOLUME_NAME    0x78
#define BLOCKS_HIGH    0x150
#define FEATURE_64BIT  0x80
#define LOG_MAX        10 /* blocks of 1 MiB; no kernel reads larger ones */

#define RECORD_MAX 1024 /* bytes read of each record of /dev/kmsg */

#ifndef EXT4_IOC_RESIZE_FS
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#endif

static uint32_t number_at(const unsigned char *superblock, size_t at)
{
	const unsigned char *b = superblock + at;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

void ext4_parse(const unsigned char *bytes, size_t len, struct ext4_superblock *out)
{
	const unsigned char *s = bytes + SUPERBLOCK;
	uint32_t log;

	*out = (struct ext4_superblock){ 0 };
	if (len < EXT4_SUPERBLOCK_END || (number_at(s, MAGIC) & 0xffff) != 0xEF53)
		return;
	out->ext4 = true;
	for (size_t i = 0; i < EXT4_LABEL_MAX - 1; i++) {
		unsigned char c = s[VOLUME_NAME + i];

		if (c <= ' ' || c > '~')
			break;
		out->label[i] = (char)c;
	}
	log = number_at(s, LOG_BLOCK_SIZE);
	out->block_size = log <= LOG_MAX ? (uint64_t)1024 << log : 0;
	out->incompatible = number_at(s, INCOMPATIBLE);
	out->read_only = number_at(s, READ_ONLY);
	out->blocks = number_at(s, BLOCKS);
	if ((out->incompatible & FEATURE_64BIT) != 0)
		out->blocks |= (uint64_t)number_at(s, BLOCKS_HIGH) << 32;
}

/* Read the superblock and the size of the device. Returns 0 or -errno. */
static int read_device(const char *device, struct ext4_superblock *out, uint64_t *size_bytes)
{
	unsigned char bytes[EXT4_SUPERBLOCK_END];
	int fd = open(device, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0 || ioctl(fd, BLKGETSIZE64, size_bytes) != 0)
		err = -errno;
	else
		ext4_parse(bytes, (size_t)n, out);
	close(fd);
	return err;
}

/*
 * Find the latest line of the kernel's log about the device, such as "EXT4-fs (vdb): bad block size
 * 65536", and copy the part after the colon. A record is "PRIORITY,NUMBER,TIME,FLAGS;TEXT\n" and
 * more lines (the kernel's Documentation/ABI/testing/dev-kmsg); each read(2) returns one.
 */
static void find_in_kernel_log(const char *name, char *found, size_t size)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[RECORD_MAX], wanted[64];
	ssize_t n;

	found[0] = '\0';
	if (fd < 0)
		return;
	buf_format(wanted, sizeof(wanted), "EXT4-fs (%s): ", name);
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		char *text = record;

		record[n > 0 ? n : 0] = '\0';
		record[strcspn(record, "\n")] = '\0';
		text += strcspn(text, ";");
		text += *text != '\0';
		if (strncmp(text, wanted, strlen(wanted)) == 0)
			buf_format(found, size, "%s", text + strlen(wanted));
	}
	close(fd);
}

void ext4_explain_refusal(const char *device, struct buf *b)
{
	const char *name = strrchr(device, '/');
	struct ext4_superblock s;
	char words[192];
	uint64_t size;

	if (name == NULL || read_device(device, &s, &size) != 0 || !s.ext4)
		return;
	find_in_kernel_log(name + 1, words, sizeof(words));
	if (words[0] != '\0')
		buf_printf(b, " (%s)", words);
	else
		buf_printf(b, " (ext4 with blocks of %llu bytes, feature bits 0x%x and 0x%x)",
			(unsigned long long)s.block_size, s.incompatible, s.read_only);
}

int64_t ext4_grow(const char *device, const char *target, struct problem *p)
{
	struct ext4_superblock s = { 0 };
	uint64_t size = 0, blocks;
	int err = read_device(device, &s, &size), fd;

	if (err != 0)
		return problem_set(p, -err, "cannot read %s", device);
	if (!s.ext4 || s.block_size == 0 || size / s.block_size <= s.blocks)
		return 0;
	blocks = size / s.block_size;
	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) != 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	if (err == 0)
		return (int64_t)(blocks * s.block_size);
	return problem_set(p, err, "%s: the file system cannot grow from %llu to %llu MiB", device,
		(unsigned long long)(s.blocks * s.block_size >> 20),
		(unsigned long long)(size >> 20));
}
