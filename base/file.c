/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A byte order mark in UTF-8, which editors of other systems put before a text. */
#define BOM     "\xef\xbb\xbf"
#define BOM_LEN 3

ssize_t file_read_up_to(int fd, char *storage, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = offset == FILE_HERE
				    ? read(fd, storage + done, size - done)
				    : pread(fd, storage + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static bool is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int read_at(int directory, const char *path, char *storage, size_t size, size_t *len)
{
	/* Without O_NONBLOCK a FIFO among the configuration files would stop the program. */
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	storage[0] = '\0';
	if (fd < 0)
		return -errno;
	n = file_read_up_to(fd, storage, size, FILE_HERE);
	/* One that nobody writes to reads as empty, and is no file all the same. */
	if (n == 0 && is_fifo(fd))
		n = -EINVAL;
	close(fd);
	if (n < 0) {
		storage[0] = '\0';
		return (int)n;
	}
	if ((size_t)n == size) {
		storage[0] = '\0';
		return -EFBIG;
	}
	if (n >= BOM_LEN && memcmp(storage, BOM, BOM_LEN) == 0) {
		n -= BOM_LEN;
		memmove(storage, storage + BOM_LEN, (size_t)n);
	}
	storage[n] = '\0';
	if (len != NULL)
		*len = (size_t)n;
	return 0;
}

int file_read(const char *path, char *storage, size_t size, size_t *len)
{
	return read_at(AT_FDCWD, path, storage, size, len);
}

int file_read_alloc_at(int directory, const char *path, size_t max, char **text, size_t *len)
{
	size_t size = 4096;

	for (;;) {
		char *storage;
		int err;

		if (size > max + 1)
			size = max + 1;
		storage = malloc(size);
		if (storage == NULL)
			return -ENOMEM;
		err = read_at(directory, path, storage, size, len);
		if (err == 0) {
			*text = storage;
			return 0;
		}
		free(storage);
		if (err != -EFBIG || size == max + 1)
			return err;
		size *= 4;
	}
}

int file_read_alloc(const char *path, size_t max, char **text, size_t *len)
{
	return file_read_alloc_at(AT_FDCWD, path, max, text, len);
}

int file_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write(const char *path, const void *bytes, size_t len)
{
	return file_write_at(AT_FDCWD, path, bytes, len);
}

int file_write_at(int directory, const char *path, const void *bytes, size_t len)
{
	int fd = openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, bytes, len);
	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		err = -EIO;
	close(fd);
	return err;
}

/* close(2) may be the first to report that a delayed write failed. */
static int write_and_close(int fd, const void *bytes, size_t len, mode_t mode)
{
	int err = file_write_all(fd, bytes, len);

	if (err == 0 && fchmod(fd, mode) != 0)
		err = -errno;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	return err;
}

int file_create(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);

	return fd < 0 ? -errno : write_and_close(fd, bytes, len, mode);
}

int file_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	int fd, err;

	if (buf_format(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	err = write_and_close(fd, bytes, len, mode);
	if (err == 0 && rename(temporary, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(temporary);
	return err;
}

int file_make_directories(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return -errno;
	}
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

rlim_t file_raise_limit(rlim_t wanted)
{
	struct rlimit limit, raised;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur >= wanted)
		return limit.rlim_cur;
	raised = limit;
	raised.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	return prlimit(0, RLIMIT_NOFILE, &raised, NULL) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

bool file_is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int file_open_again(int directory, int fd, int flags)
{
	char name[16];
	int again;

	buf_format(name, sizeof(name), "%d", fd);
	again = openat(directory, name, flags | O_NOCTTY | O_CLOEXEC);
	return again < 0 ? -errno : again;
}
