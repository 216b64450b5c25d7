/* SPDX-License-Identifier: MIT */
#include "agent/files/file_answer.h"

#include "agent/files/file_path.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void file_error(struct fs_result *result, enum fs_error kind, const char *message)
{
	*result = (struct fs_result){ .kind = FS_RESULT_ERROR,
		.as.error = { .kind = kind, .message = (char *)(uintptr_t)message } };
}

static enum fs_error kind_of(int err)
{
	static const struct {
		int error;
		enum fs_error kind;
	} kinds[] = {
		{ FILE_PATH_BAD, FS_BAD_PATH },
		{ FILE_PATH_DENIED, FS_POLICY_DENIED },
		{ FILE_TOO_MANY, FS_CAP_EXCEEDED },
		{ ENOENT, FS_NOT_FOUND },
		{ ENOTDIR, FS_NOT_FOUND },
		{ EACCES, FS_PERMISSION_DENIED },
		{ EPERM, FS_PERMISSION_DENIED },
		{ EROFS, FS_PERMISSION_DENIED },
		{ EEXIST, FS_ALREADY_EXISTS },
		{ EXDEV, FS_CROSS_DEVICE },
		{ ENOTEMPTY, FS_DIRECTORY_NOT_EMPTY },
		{ ELOOP, FS_POLICY_DENIED },
		{ EBUSY, FS_POLICY_DENIED },
		{ ENAMETOOLONG, FS_BAD_PATH },
		{ EISDIR, FS_BAD_PATH },
		{ EINVAL, FS_BAD_PATH },
		{ EIO, FS_IO_ERROR },
		{ ENOSPC, FS_IO_ERROR },
		{ EDQUOT, FS_IO_ERROR },
		{ EFBIG, FS_IO_ERROR },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].error == -err)
			return kinds[i].kind;
	return FS_OTHER;
}

void file_answer_failed(struct file_answer *w, int err)
{
	file_error(w->result, kind_of(err), w->problem.text);
}

void file_answer_failed_at(struct file_answer *w, const char *path, int err)
{
	problem_set(&w->problem, -err, "%s", path);
	file_answer_failed(w, err);
}

void file_answer_because(
	struct file_answer *w, enum fs_error kind, const char *path, const char *why)
{
	problem_set_text(&w->problem, EINVAL, "%s: %s", path, why);
	file_error(w->result, kind, w->problem.text);
}

enum fs_file_kind file_answer_kind(mode_t mode)
{
	return S_ISREG(mode)   ? FS_KIND_FILE
	       : S_ISDIR(mode) ? FS_KIND_DIR
	       : S_ISLNK(mode) ? FS_KIND_SYMLINK
			       : FS_KIND_OTHER;
}

int file_answer_look(struct file_answer *w, const char *path, bool follow, struct stat *st)
{
	int fd = file_path_open(path, follow, w->canonical, &w->problem);

	if (fd < 0) {
		file_answer_failed(w, fd);
		return -1;
	}
	if (fstat(fd, st) == 0)
		return fd;
	file_answer_failed_at(w, path, -errno);
	close(fd);
	return -1;
}

int file_answer_open(struct file_answer *w, int found, const char *path, int flags)
{
	int fd = file_path_reopen(found, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);

	close(found);
	if (fd < 0)
		file_answer_failed_at(w, path, fd);
	return fd;
}

ssize_t file_answer_read(int fd, char *out, size_t size, uint64_t offset)
{
	if (offset > INT64_MAX - size)
		return 0;
	return file_read_up_to(fd, out, size, (off_t)offset);
}

void file_answer_status(struct file_answer *w, const struct stat *st)
{
	clock_utc(st->st_mtime, w->mtime);
	*w->result = (struct fs_result){ .kind = FS_RESULT_STAT,
		.as.stat = { .canonical_path = w->canonical,
			.kind = file_answer_kind(st->st_mode),
			.size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
			.mode = st->st_mode,
			.mtime = w->mtime } };
}
