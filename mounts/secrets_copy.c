/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/directory.h"
#include "base/file.h"
#include "mounts/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define NEW_NAME  ".mvm-new" /* a file being written; a number follows if a secret has that name */
#define NEW_MAX   24
#define SMALL     65536 /* bytes; a larger file is measured before it is copied */

/* One directory of the drive and its copy. */
struct pair {
	int from, to;     /* descriptors of both directories */
	const char *path; /* below the drive's root, for messages: "" or "sub/dir" */
	unsigned int depth;
	gid_t group;
	const struct reporter *report;
	char new_name[NEW_MAX]; /* for files being written; no secret here has it */
	unsigned int failures;
};

static void fail(struct pair *d, int code, const char *name, const char *what)
{
	struct problem p;

	problem_set(
		&p, code, "secret %s%s%s %s", d->path, d->path[0] != '\0' ? "/" : "", name, what);
	problem_report(d->report, &p);
	d->failures++;
}

static int remove_entry(void *arg, const char *name);

/* Remove a file or a directory with everything below it. */
static void remove_tree(int at, const char *name, unsigned int depth)
{
	struct pair below = { .depth = depth + 1 };

	if (unlinkat(at, name, 0) == 0 || depth > DEPTH_MAX)
		return;
	below.to = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below.to < 0)
		return;
	directory_each(below.to, remove_entry, &below);
	close(below.to);
	unlinkat(at, name, AT_REMOVEDIR);
}

static int remove_entry(void *arg, const char *name)
{
	const struct pair *d = arg;

	remove_tree(d->to, name, d->depth);
	return 0;
}

static int copy_bytes(int from, int to)
{
	char block[4096];

	for (;;) {
		ssize_t n = read(from, block, sizeof(block));
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		err = file_write_all(to, block, (size_t)n);
		if (err != 0)
			return err;
	}
}

/* Owner and mode are set before the first byte is written. */
static int copy_contents(int from, struct pair *d)
{
	int to = openat(
		d->to, d->new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	int err;

	if (to < 0)
		return -errno;
	err = fchown(to, 0, d->group) != 0 || fchmod(to, 0440) != 0 ? -errno : copy_bytes(from, to);
	close(to);
	return err;
}

/* Give the finished file its name. A directory of that name is removed. */
static int put_in_place(struct pair *d, const char *name)
{
	if (renameat(d->to, d->new_name, d->to, name) == 0)
		return 0;
	if (errno != EISDIR)
		return -errno;
	remove_tree(d->to, name, d->depth);
	return renameat(d->to, d->new_name, d->to, name) != 0 ? -errno : 0;
}

/* A sparse file takes no room on its drive, but here: do not fill the memory with what cannot fit.
 */
static bool has_room(const struct pair *d, off_t size)
{
	struct statvfs to;

	return size <= SMALL || fstatvfs(d->to, &to) != 0 ||
	       (uint64_t)size <= (uint64_t)to.f_bavail * to.f_frsize;
}

static void copy_file(struct pair *d, const char *name, off_t size)
{
	int from = openat(d->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (from < 0) {
		fail(d, errno, name, "cannot be read");
		return;
	}
	unlinkat(d->to, d->new_name, 0);
	err = has_room(d, size) ? copy_contents(from, d) : -ENOSPC;
	close(from);
	if (err == 0)
		err = put_in_place(d, name);
	if (err != 0) {
		unlinkat(d->to, d->new_name, 0);
		fail(d, -err, name, "cannot be copied");
	}
}

static void copy_link(struct pair *d, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(d->from, name, target, sizeof(target) - 1);

	if (n < 0) {
		fail(d, errno, name, "cannot be read");
		return;
	}
	target[n] = '\0';
	unlinkat(d->to, d->new_name, 0);
	int err = symlinkat(target, d->to, d->new_name) != 0 ? -errno : put_in_place(d, name);
	if (err != 0) {
		unlinkat(d->to, d->new_name, 0);
		fail(d, -err, name, "cannot be copied");
	}
}

static void copy_directory(struct pair *above, const char *name);

/* The directory lost+found comes from mkfs and is no secret. */
static int copy_entry(void *arg, const char *name)
{
	struct pair *d = arg;
	struct stat st;

	if (fstatat(d->from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		fail(d, errno, name, "cannot be read");
	else if (S_ISREG(st.st_mode))
		copy_file(d, name, st.st_size);
	else if (S_ISLNK(st.st_mode))
		copy_link(d, name);
	else if (S_ISDIR(st.st_mode) && d->depth == 0 && strcmp(name, "lost+found") == 0)
		return 0;
	else if (S_ISDIR(st.st_mode))
		copy_directory(d, name);
	else
		fail(d, EINVAL, name, "is not a file, directory or link");
	return 0;
}

static int remove_if_gone(void *arg, const char *name)
{
	struct pair *d = arg;
	struct stat st;

	if (fstatat(d->from, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		remove_tree(d->to, name, d->depth);
	return 0;
}

/* A secret may have any name, even NEW_NAME. */
static void choose_new_name(struct pair *d)
{
	struct stat st;

	buf_format(d->new_name, sizeof(d->new_name), NEW_NAME);
	for (unsigned int i = 1; i < UINT_MAX; i++) {
		if (fstatat(d->from, d->new_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return;
		buf_format(d->new_name, sizeof(d->new_name), NEW_NAME "%u", i);
	}
}

static void copy_tree(struct pair *d)
{
	int err;

	choose_new_name(d);
	err = directory_each(d->from, copy_entry, d);
	if (err == 0)
		err = directory_each(d->to, remove_if_gone, d);
	if (err != 0)
		fail(d, -err, ".", "cannot be listed");
}

/* A file of that name is removed first: on the drive it has become a directory. */
static int open_copy_directory(int at, const char *name, gid_t group)
{
	struct stat st;
	int fd;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		unlinkat(at, name, 0);
	if (mkdirat(at, name, 0500) != 0 && errno != EEXIST)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fchown(fd, 0, group) != 0 || fchmod(fd, 0550) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void close_pair(const struct pair *d)
{
	if (d->from >= 0)
		close(d->from);
	if (d->to >= 0)
		close(d->to);
}

static void copy_directory(struct pair *above, const char *name)
{
	char path[PATH_MAX];
	struct pair d = *above;

	d.path = path;
	d.depth++;
	d.failures = 0;
	if (d.depth > DEPTH_MAX ||
		buf_format(path, sizeof(path), "%s%s%s", above->path,
			above->path[0] != '\0' ? "/" : "", name) >= sizeof(path)) {
		fail(above, ELOOP, name, "is in too many nested directories");
		return;
	}
	d.from = openat(above->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d.to = d.from < 0 ? -1 : open_copy_directory(above->to, name, d.group);
	if (d.to < 0)
		fail(above, errno, name, "cannot be copied");
	else
		copy_tree(&d);
	close_pair(&d);
	above->failures += d.failures;
}

unsigned int secrets_copy(
	const char *from, const char *to, gid_t group, const struct reporter *report)
{
	struct pair d = { .path = "", .group = group, .report = report };

	d.from = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d.to = d.from < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.to < 0)
		fail(&d, errno, ".", "cannot be opened");
	else
		copy_tree(&d);
	close_pair(&d);
	return d.failures;
}
