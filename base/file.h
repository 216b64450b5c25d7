/* SPDX-License-Identifier: MIT */
/* Whole small files: read, write, create the directories above. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define FILE_HERE (-1) /* an offset: read on from the descriptor's own position */

/*
 * Read all of `path` into `storage` of `size` bytes and NUL-terminate it. `len` (bytes read) may be
 * NULL. A byte order mark at the start is left out. Symbolic links are followed; a FIFO is not
 * waited for. Returns 0, -EFBIG when the file has more than size - 1 bytes, or -errno.
 */
int file_read(const char *path, char *storage, size_t size, size_t *len);

/*
 * Read all of `path`, at most `max` bytes, into memory that the caller frees; NUL-terminated.
 * Returns as file_read(), and -ENOMEM.
 */
int file_read_alloc(const char *path, size_t max, char **text, size_t *len);

/* The same; a relative path begins at the descriptor `directory` (openat(2)). */
int file_read_alloc_at(int directory, const char *path, size_t max, char **text, size_t *len);

/* Write `len` bytes to the existing file `path`, in one write(2), as /proc and /sys want it. */
int file_write(const char *path, const void *bytes, size_t len);
int file_write_at(int directory, const char *path, const void *bytes, size_t len);

/* Create `path` with mode `mode`, or replace its contents. The write is not atomic. */
int file_create(const char *path, const void *bytes, size_t len, mode_t mode);

/*
 * Replace `path` by a new file of mode `mode` through a temporary file beside it and rename(2): a
 * reader sees the old contents or the new, never a part. Nothing is left behind on failure.
 */
int file_replace(const char *path, const void *bytes, size_t len, mode_t mode);

/*
 * Create the directory `path` and those above it, mode 0755; existing ones are fine. Returns 0,
 * -ENOTDIR when a file stands in the way, or -errno.
 */
int file_make_directories(const char *path);

/*
 * Raise this process's soft limit of open files to `wanted`, or to the hard limit if that is lower.
 * A higher soft limit stays. Returns the soft limit in force afterwards (getrlimit(2)), or 0.
 */
rlim_t file_raise_limit(rlim_t wanted);

/*
 * Open the file of descriptor `fd` of this process once more, close-on-exec: the new descriptor has
 * its own open file description (open(2)), which shares no flags with `fd`. `directory` is
 * /proc/self/fd. Returns the descriptor, or -errno.
 */
int file_open_again(int directory, int fd, int flags);

/*
 * Read from `offset` of `fd` (or from FILE_HERE) until the end of the file, or until `size` bytes
 * have been read, continuing after short reads and EINTR. Returns the count or -errno.
 */
ssize_t file_read_up_to(int fd, char *storage, size_t size, off_t offset);

/* True if the absolute path `path` is `directory` or below. Links are not followed. */
bool file_is_below(const char *path, const char *directory);

/* Write all `len` bytes to `fd`, continuing after short writes and EINTR. Returns 0 or -errno. */
int file_write_all(int fd, const void *bytes, size_t len);

#endif
