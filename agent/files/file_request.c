/* SPDX-License-Identifier: MIT */
#include "agent/files/file_request.h"

#include "agent/files/file_path.h"
#include "base/clock.h"
#include "base/directory.h"
#include "base/file.h"
#include "protocol/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat(2) */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_ROOM     (PROTOCOL_BODY_MAX - 4096) /* most bytes of a listing's JSON */
#define ENTRY_FIXED   64                         /* the same of one entry, besides its name */
#define DEFAULT_MODE  0755 /* of a new directory if the request gives mode 0 */
#define TEMPORARY_MAX (NAME_MAX + 1)

/* The memory that an answer points to. */
struct work {
	struct fs_result *result;
	char canonical[PATH_MAX];
	char content[FILE_READ_MAX + 1];
	char mtime[CLOCK_UTC_MAX];
	struct fs_entry entries[FILE_LIST_MAX];
	size_t count, room; /* entries; bytes left for more */
	bool is_full;
	int directory;
	struct problem problem;
};

/* ---- errors ---------------------------------------------------------------------------------- */

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

void file_failed(struct fs_result *result, int err, const struct problem *p)
{
	file_error(result, kind_of(err), p->text);
}

static void fail(struct work *w, int err)
{
	file_failed(w->result, err, &w->problem);
}

/* The same for an errno value without a description yet. */
static void fail_at(struct work *w, const char *path, int err)
{
	problem_set(&w->problem, -err, "%s", path);
	fail(w, err);
}

static void fail_because(struct work *w, enum fs_error kind, const char *path, const char *why)
{
	problem_set_text(&w->problem, EINVAL, "%s: %s", path, why);
	file_error(w->result, kind, w->problem.text);
}

/* ---- FsRead, FsStat, FsList ------------------------------------------------------------------ */

static enum fs_file_kind kind_of_mode(mode_t mode)
{
	return S_ISREG(mode)   ? FS_KIND_FILE
	       : S_ISDIR(mode) ? FS_KIND_DIR
	       : S_ISLNK(mode) ? FS_KIND_SYMLINK
			       : FS_KIND_OTHER;
}

/* Open an existing file with O_PATH and stat it. Returns -1 after an error. */
static int look(struct work *w, const char *path, bool follow, struct stat *st)
{
	int fd = file_path_open(path, follow, w->canonical, &w->problem);

	if (fd < 0) {
		fail(w, fd);
		return -1;
	}
	if (fstat(fd, st) == 0)
		return fd;
	fail_at(w, path, -errno);
	close(fd);
	return -1;
}

/* Open for reading what look() found. The caller has ruled out devices and FIFOs. */
static int open_found(struct work *w, int found, const char *path, int flags)
{
	int fd = file_path_reopen(found, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);

	close(found);
	if (fd < 0)
		fail_at(w, path, fd);
	return fd;
}

/* Read up to `size` bytes from `offset`. Returns the count or -errno; 0 where no file can reach. */
static ssize_t read_range(int fd, char *out, size_t size, uint64_t offset)
{
	if (offset > INT64_MAX - size)
		return 0;
	return file_read_up_to(fd, out, size, (off_t)offset);
}

static void read_file(struct work *w, const struct fs_read_request *r)
{
	size_t want = r->length < sizeof(w->content) ? (size_t)r->length : sizeof(w->content);
	uint64_t offset = r->has_offset ? r->offset : 0;
	struct stat st;
	int fd = look(w, r->path, r->follow_symlinks, &st);
	ssize_t n;

	if (fd < 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		fail_because(w, S_ISLNK(st.st_mode) ? FS_POLICY_DENIED : FS_BAD_PATH, r->path,
			S_ISLNK(st.st_mode) ? "a symbolic link, which is not followed"
					    : "not a regular file");
		close(fd);
		return;
	}
	fd = open_found(w, fd, r->path, 0);
	if (fd < 0)
		return;
	n = read_range(fd, w->content, want, offset);
	close(fd);
	if (n < 0) {
		fail_at(w, r->path, (int)n);
	} else if (n > FILE_READ_MAX) {
		problem_set_text(&w->problem, E2BIG,
			"%s: the range has more than fits one answer: read pages of at most %d "
			"bytes",
			r->path, FILE_READ_MAX);
		fail(w, -FILE_TOO_MANY);
	} else {
		uint64_t end = offset + (uint64_t)n, size = (uint64_t)st.st_size;
		/* Files of /proc and /sys do not tell their size. The end of the data does. */
		bool is_end = n > 0 && (size_t)n < want;

		*w->result = (struct fs_result){ .kind = FS_RESULT_READ,
			.as.read = { .content = { w->content, (size_t)n },
				.total_size = is_end || end > size ? end : size } };
		if (n == 0)
			w->result->as.read.total_size = size;
	}
}

static void stat_file(struct work *w, const struct fs_path_request *r)
{
	struct stat st;
	int fd = look(w, r->path, r->follow_symlinks, &st);

	if (fd < 0)
		return;
	close(fd);
	clock_utc(st.st_mtime, w->mtime);
	*w->result = (struct fs_result){ .kind = FS_RESULT_STAT,
		.as.stat = { .canonical_path = w->canonical,
			.kind = kind_of_mode(st.st_mode),
			.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
			.mode = st.st_mode,
			.mtime = w->mtime } };
}

static int add_entry(void *arg, const char *name)
{
	struct work *w = arg;
	struct stat st;
	size_t size = json_lossy_size(name) + ENTRY_FIXED;

	w->is_full = w->count == FILE_LIST_MAX || size > w->room;
	if (w->is_full)
		return 1;
	if (fstatat(w->directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it was removed meanwhile */
	w->entries[w->count].name = strdup(name);
	if (w->entries[w->count].name == NULL)
		return -ENOMEM;
	w->entries[w->count].kind = kind_of_mode(st.st_mode);
	w->entries[w->count++].size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	w->room -= size;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct fs_entry *)a)->name, ((const struct fs_entry *)b)->name);
}

static void list_directory(struct work *w, const struct fs_path_request *r)
{
	struct stat st;
	int fd = look(w, r->path, r->follow_symlinks, &st), err;

	if (fd < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		fail_because(w, FS_BAD_PATH, r->path, "not a directory");
		close(fd);
		return;
	}
	fd = open_found(w, fd, r->path, O_DIRECTORY);
	if (fd < 0)
		return;
	w->directory = fd;
	w->room = LIST_ROOM;
	err = directory_each(fd, add_entry, w);
	close(fd);
	if (err < 0) {
		fail_at(w, r->path, err);
		return;
	}
	qsort(w->entries, w->count, sizeof(w->entries[0]), compare);
	*w->result = (struct fs_result){ .kind = FS_RESULT_LIST,
		.as.list = { .entries = { .items = w->entries, .count = w->count },
			.truncated = w->is_full } };
}

/* ---- FsWrite --------------------------------------------------------------------------------- */

/* Stat the file to be replaced, if there is one. Returns 0, or -1 after an error. */
static int look_at_old(struct work *w, const struct file_place *at, struct stat *st, bool *is_new)
{
	*is_new = fstatat(at->directory, at->name, st, AT_SYMLINK_NOFOLLOW) != 0;
	if (*is_new && errno == ENOENT)
		return 0;
	if (*is_new)
		fail_at(w, at->path, -errno);
	else if (S_ISLNK(st->st_mode))
		fail_because(
			w, FS_POLICY_DENIED, at->path, "a symbolic link, which is not followed");
	else if (!S_ISREG(st->st_mode))
		fail_because(w, FS_BAD_PATH, at->path, "not a regular file");
	else if (faccessat(at->directory, at->name, W_OK, AT_EACCESS) != 0)
		fail_at(w, at->path, -errno);
	else
		return 0;
	return -1;
}

/* Give the temporary file the old file's owner and mode. Returns 0 or -errno. */
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

/* In the file's own directory, so that rename(2) can move it into place. */
static int make_temporary(const struct file_place *at, char name[TEMPORARY_MAX])
{
	for (unsigned int i = 0; i < 100; i++) {
		int fd;

		buf_format(name, TEMPORARY_MAX, ".mvm-%x-%x.new", (unsigned int)getpid(), i);
		fd = openat(at->directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

static int sync_directory(int directory)
{
	int fd = file_path_reopen(directory, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return 0; /* no read permission: the kernel writes the directory back later */
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
	close(fd);
	if (err == 0 && renameat(at->directory, name, at->directory, at->name) != 0)
		err = -errno;
	if (err != 0)
		unlinkat(at->directory, name, 0);
	return err != 0 ? err : sync_directory(at->directory);
}

static void write_file(struct work *w, const struct fs_write_request *r)
{
	struct file_place at;
	struct stat old = { 0 };
	bool is_new;
	int err = file_path_find(r->path, r->follow_symlinks, r->create_parents, &at, &w->problem);

	if (err != 0) {
		fail(w, err);
		return;
	}
	if (look_at_old(w, &at, &old, &is_new) == 0) {
		err = replace(&at, r, &old, is_new);
		*w->result = (struct fs_result){ .kind = FS_RESULT_WRITE,
			.as.write.bytes_written = r->content.len };
		if (err != 0)
			fail_at(w, r->path, err);
	}
	close(at.directory);
}

/* ---- FsMkdir, FsRemove, FsMove --------------------------------------------------------------- */

/* chmod after creation, so that the umask does not matter. */
static int set_mode(const struct file_place *at, mode_t mode)
{
	int fd = openat(at->directory, at->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode & 07777) != 0)
		err = -errno;
	close(fd);
	return err;
}

/* FsMkdir has no follow_symlinks, so no symbolic link is followed. */
static void make_directory(struct work *w, const struct fs_mkdir_request *r)
{
	struct file_place at;
	struct stat st;
	int err = file_path_find(r->path, false, r->parents, &at, &w->problem);

	if (err != 0) {
		fail(w, err);
		return;
	}
	*w->result = (struct fs_result){ .kind = FS_RESULT_MKDIR };
	err = mkdirat(at.directory, at.name, 0700) == 0 ? 0 : -errno;
	if (err == 0)
		err = set_mode(&at, r->mode != 0 ? (mode_t)r->mode : DEFAULT_MODE);
	else if (err == -EEXIST && r->parents &&
		 fstatat(at.directory, at.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		 S_ISDIR(st.st_mode))
		err = 0;
	if (err != 0)
		fail_at(w, r->path, err);
	close(at.directory);
}

static bool is_root(const char *path)
{
	return path[0] == '/' && path[strspn(path, "/")] == '\0';
}

static void remove_found(
	struct work *w, const struct fs_remove_request *r, const struct file_place *at)
{
	uint64_t removed = 1;
	struct stat st;
	int err = 0;

	if (fstatat(at->directory, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		fail_at(w, r->path, -errno);
		return;
	}
	if (S_ISDIR(st.st_mode) && r->recursive) {
		err = file_remove_tree(at->directory, at->name, &removed, &w->problem);
	} else if (unlinkat(at->directory, at->name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0) {
		err = -errno;
		problem_set(&w->problem, -err, "%s", r->path);
		if (err == -EBUSY)
			problem_set_text(
				&w->problem, EBUSY, "%s: a mount point cannot be removed", r->path);
	}
	*w->result = (struct fs_result){ .kind = FS_RESULT_REMOVE,
		.as.remove.entries_removed = removed };
	if (err != 0)
		fail(w, err);
}

static void remove_file(struct work *w, const struct fs_remove_request *r)
{
	struct file_place at;
	int err;

	if (is_root(r->path)) {
		fail_because(w, FS_POLICY_DENIED, r->path, "the root directory cannot be removed");
		return;
	}
	err = file_path_find(r->path, r->follow_symlinks, false, &at, &w->problem);
	if (err != 0) {
		fail(w, err);
		return;
	}
	err = file_path_check_below(at.path, &w->problem);
	if (err == 0)
		remove_found(w, r, &at);
	else
		fail(w, err);
	close(at.directory);
}

static void move_file(struct work *w, const struct fs_move_request *r)
{
	struct file_place from, to;
	int err = file_path_find(r->from, r->follow_symlinks, false, &from, &w->problem);

	if (err != 0) {
		fail(w, err);
		return;
	}
	err = file_path_check_below(from.path, &w->problem);
	if (err == 0)
		err = file_path_find(r->to, r->follow_symlinks, false, &to, &w->problem);
	if (err == 0) {
		*w->result = (struct fs_result){ .kind = FS_RESULT_MOVE };
		err = file_path_check_below(to.path, &w->problem);
		if (err == 0 && renameat(from.directory, from.name, to.directory, to.name) != 0)
			err = problem_set(&w->problem, errno, "%s to %s", r->from, r->to);
		close(to.directory);
	}
	if (err != 0)
		fail(w, err);
	close(from.directory);
}

/* ---- the request ----------------------------------------------------------------------------- */

static void run(struct work *w, const struct request *r)
{
	const union request_body *body = &r->body;

	if (r->kind == REQUEST_FS_READ)
		read_file(w, &body->fs_read);
	else if (r->kind == REQUEST_FS_WRITE)
		write_file(w, &body->fs_write);
	else if (r->kind == REQUEST_FS_LIST)
		list_directory(w, &body->fs_path);
	else if (r->kind == REQUEST_FS_STAT)
		stat_file(w, &body->fs_path);
	else if (r->kind == REQUEST_FS_MKDIR)
		make_directory(w, &body->fs_mkdir);
	else if (r->kind == REQUEST_FS_REMOVE)
		remove_file(w, &body->fs_remove);
	else if (r->kind == REQUEST_FS_MOVE)
		move_file(w, &body->fs_move);
	else
		file_error(w->result, FS_OTHER, "not a file request");
}

void file_request_run(const struct request *r, struct buf *b)
{
	struct work *w = calloc(1, sizeof(*w));
	struct fs_result result;

	if (w == NULL) {
		file_error(&result, FS_OTHER, "out of memory");
		message_encode(b, ANSWER_FS_RESULT, &result);
		return;
	}
	w->result = &result;
	run(w, r);
	message_encode(b, ANSWER_FS_RESULT, &result);
	for (size_t i = 0; i < w->count; i++)
		free(w->entries[i].name);
	free(w);
}

int file_request_main(void)
{
	static char text[PROTOCOL_REQUEST_MAX + 4096], answer[PROTOCOL_BODY_MAX + 1];
	struct buf b = BUF_OVER(answer);
	struct request r;
	struct problem p;
	ssize_t len;

	umask(022);
	len = file_read_up_to(STDIN_FILENO, text, sizeof(text), FILE_HERE);
	buf_clear(&b);
	if (request_decode(text, len < 0 ? 0 : (size_t)len, &r, &p) == 0) {
		file_request_run(&r, &b);
	} else {
		struct fs_result result;

		file_error(&result, FS_OTHER, p.text);
		message_encode(&b, ANSWER_FS_RESULT, &result);
	}
	request_free(&r);
	return file_write_all(STDOUT_FILENO, b.data, b.len) != 0;
}
