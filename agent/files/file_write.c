/* SPDX-License-Identifier: MIT */
#include "agent/files/file_answer.h"
#include "agent/files/file_path.h"
#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat(2) */
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_MAX 24
#define TEMPORARIES   100 /* most files that are written in a directory at a time */

/* What a new file is to be like: the old one, or the request. Returns 0 or -1 after an error. */
static int look_at_old(
	struct file_answer *w, const struct file_place *at, struct stat *st, bool *is_new)
{
	*is_new = fstatat(at->directory, at->name, st, AT_SYMLINK_NOFOLLOW) != 0;
	if (*is_new && errno == ENOENT)
		return 0;
	if (*is_new)
		file_answer_failed_at(w, at->path, -errno);
	else if (S_ISLNK(st->st_mode))
		file_answer_because(
			w, FS_POLICY_DENIED, at->path, "a symbolic link, which is not followed");
	else if (!S_ISREG(st->st_mode))
		file_answer_because(w, FS_BAD_PATH, at->path, "not a regular file");
	else if (faccessat(at->directory, at->name, W_OK, AT_EACCESS) != 0)
		file_answer_failed_at(w, at->path, -errno);
	else
		return 0;
	return -1;
}

/* Give the temporary file its owner and its mode. Returns 0 or -errno. */
static int make_alike(int fd, const struct stat *old, bool is_new, mode_t mode)
{
	struct stat st;

	if (!is_new) {
		mode = old->st_mode & 07777;
		if (fstat(fd, &st) != 0)
			return -errno;
		if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
			fchown(fd, old->st_uid, old->st_gid) != 0)
			return -errno;
	}
	return fchmod(fd, mode) != 0 ? -errno : 0;
}

/*
 * Lock a new file and make sure that it still has its name. Returns 0, or -EEXIST if another
 * process took it for one that was left over.
 */
static int hold(int directory, const char *name, int fd)
{
	struct stat named, held;

	if (flock(fd, LOCK_EX) != 0)
		return 0; /* no locks on this file system: nobody can take it there either */
	if (fstat(fd, &held) != 0 || fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
		held.st_ino != named.st_ino)
		return -EEXIST;
	return 0;
}

/* Remove a temporary file whose writer was killed: nobody has it locked. */
static void remove_left_over(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && hold(directory, name, fd) == 0)
		unlinkat(directory, name, 0);
	close(fd);
}

/*
 * Beside the file, so that rename(2) can put it in its place, and locked until it is there. Each
 * process tries the same names in the same order, so it finds what a killed one has left.
 */
static int make_temporary(const struct file_place *at, char name[TEMPORARY_MAX])
{
	for (unsigned int i = 0; i < 2 * TEMPORARIES; i++) {
		int fd;

		buf_format(name, TEMPORARY_MAX, ".mvm-%u.new", i / 2);
		fd = openat(at->directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return -errno;
		if (fd >= 0 && hold(at->directory, name, fd) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
		else if (i % 2 == 0)
			remove_left_over(at->directory, name);
	}
	return -EEXIST;
}

static int sync_directory(int directory)
{
	int fd = file_path_reopen(directory, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return 0; /* it may be written and not read: the kernel's own time will do */
	(void)fsync(fd);
	close(fd);
	return 0;
}

static int replace(const struct file_place *at, const struct fs_write_request *r,
	const struct stat *old, bool is_new)
{
	char name[TEMPORARY_MAX];
	int fd = make_temporary(at, name), err;

	if (fd < 0)
		return fd;
	err = file_write_all(fd, r->content.data, r->content.len);
	if (err == 0)
		err = make_alike(fd, old, is_new, r->mode & 07777);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	if (err == 0 && renameat(at->directory, name, at->directory, at->name) != 0)
		err = -errno;
	if (err != 0)
		unlinkat(at->directory, name, 0);
	close(fd);
	return err != 0 ? err : sync_directory(at->directory);
}

/* A page of a file that is not yet in its place: what stands behind it is of an earlier attempt. */
static int write_page(const struct file_place *at, const struct fs_write_request *r)
{
	int fd = openat(at->directory, at->name,
		O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (r->offset == 0 ? O_CREAT : 0),
		r->mode & 07777);
	off_t offset = (off_t)r->offset;
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < offset)
		err = -EINVAL;
	else if (ftruncate(fd, offset) != 0 || lseek(fd, offset, SEEK_SET) < 0)
		err = -errno;
	if (err == 0)
		err = file_write_all(fd, r->content.data, r->content.len);
	close(fd);
	return err;
}

void file_answer_write(struct file_answer *w, const struct fs_write_request *r)
{
	struct file_place at;
	struct stat old = { 0 };
	bool is_new;
	int err = file_path_find(r->path, r->follow_symlinks, r->create_parents, &at, &w->problem);

	if (err != 0) {
		file_answer_failed(w, err);
		return;
	}
	if (look_at_old(w, &at, &old, &is_new) == 0) {
		err = r->has_offset ? write_page(&at, r) : replace(&at, r, &old, is_new);
		*w->result = (struct fs_result){ .kind = FS_RESULT_WRITE,
			.as.write.bytes_written = r->content.len };
		if (err != 0)
			file_answer_failed_at(w, r->path, err);
	}
	close(at.directory);
}
