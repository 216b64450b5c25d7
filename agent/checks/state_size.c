/* SPDX-License-Identifier: MIT */
#include "agent/checks/state_size.h"

#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

struct level {
	int fd;
	int depth;
	uint64_t *bytes;
};

static void add_directory(int fd, int depth, uint64_t *bytes);

static int add_entry(void *arg, const char *name)
{
	const struct level *l = arg;
	struct stat st;
	int fd;

	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (S_ISREG(st.st_mode))
		*l->bytes += (uint64_t)st.st_size;
	if (!S_ISDIR(st.st_mode) || l->depth == DEPTH_MAX)
		return 0;
	fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		add_directory(fd, l->depth + 1, l->bytes);
	return 0;
}

static void add_directory(int fd, int depth, uint64_t *bytes)
{
	struct level l = { .fd = fd, .depth = depth, .bytes = bytes };

	directory_each(fd, add_entry, &l);
	close(fd);
}

int state_size(const char *path, uint64_t *bytes)
{
	struct stat st;
	int fd;

	*bytes = 0;
	if (stat(path, &st) != 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		*bytes = (uint64_t)st.st_size;
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	add_directory(fd, 1, bytes);
	return 0;
}
