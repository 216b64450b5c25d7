/* SPDX-License-Identifier: MIT */
#include "agent/files/file_request.h"

#include "agent/files/file_answer.h"
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

#define LIST_ROOM    (PROTOCOL_BODY_MAX - 4096) /* most bytes of a listing's JSON */
#define ENTRY_FIXED  64                         /* the same of one entry, besides its name */
#define DEFAULT_MODE 0755                       /* of a new directory if the request gives mode 0 */

/* ---- FsRead, FsStat, FsList ------------------------------------------------------------------ */

static void read_file(struct file_answer *w, const struct fs_read_request *r)
{
	size_t want = r->length < sizeof(w->content) ? (size_t)r->length : sizeof(w->content);
	uint64_t offset = r->has_offset ? r->offset : 0;
	struct stat st;
	int fd = file_answer_look(w, r->path, r->follow_symlinks, &st);
	ssize_t n;

	if (fd < 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		file_answer_because(w, S_ISLNK(st.st_mode) ? FS_POLICY_DENIED : FS_BAD_PATH,
			r->path,
			S_ISLNK(st.st_mode) ? "a symbolic link, which is not followed"
					    : "not a regular file");
		close(fd);
		return;
	}
	fd = file_answer_open(w, fd, r->path, 0);
	if (fd < 0)
		return;
	n = file_answer_read(fd, w->content, want, offset);
	close(fd);
	if (n < 0) {
		file_answer_failed_at(w, r->path, (int)n);
	} else if (n > FILE_READ_MAX) {
		problem_set_text(&w->problem, E2BIG,
			"%s: the range has more than fits one answer: read pages of at most %d "
			"bytes",
			r->path, FILE_READ_MAX);
		file_answer_failed(w, -FILE_TOO_MANY);
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

static void stat_file(struct file_answer *w, const struct fs_path_request *r)
{
	struct stat st;
	int fd = file_answer_look(w, r->path, r->follow_symlinks, &st);

	if (fd < 0)
		return;
	close(fd);
	file_answer_status(w, &st);
}

static int add_entry(void *arg, const char *name)
{
	struct file_answer *w = arg;
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
	w->entries[w->count].kind = file_answer_kind(st.st_mode);
	w->entries[w->count++].size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	w->room -= size;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct fs_entry *)a)->name, ((const struct fs_entry *)b)->name);
}

static void list_directory(struct file_answer *w, const struct fs_path_request *r)
{
	struct stat st;
	int fd = file_answer_look(w, r->path, r->follow_symlinks, &st), err;

	if (fd < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		file_answer_because(w, FS_BAD_PATH, r->path, "not a directory");
		close(fd);
		return;
	}
	fd = file_answer_open(w, fd, r->path, O_DIRECTORY);
	if (fd < 0)
		return;
	w->directory = fd;
	w->room = LIST_ROOM;
	err = directory_each(fd, add_entry, w);
	close(fd);
	if (err < 0) {
		file_answer_failed_at(w, r->path, err);
		return;
	}
	qsort(w->entries, w->count, sizeof(w->entries[0]), compare);
	*w->result = (struct fs_result){ .kind = FS_RESULT_LIST,
		.as.list = { .entries = { .items = w->entries, .count = w->count },
			.truncated = w->is_full } };
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
static void make_directory(struct file_answer *w, const struct fs_mkdir_request *r)
{
	struct file_place at;
	struct stat st;
	int err = file_path_find(r->path, false, r->parents, &at, &w->problem);

	if (err != 0) {
		file_answer_failed(w, err);
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
		file_answer_failed_at(w, r->path, err);
	close(at.directory);
}

static bool is_root(const char *path)
{
	return path[0] == '/' && path[strspn(path, "/")] == '\0';
}

static void remove_found(
	struct file_answer *w, const struct fs_remove_request *r, const struct file_place *at)
{
	uint64_t removed = 1;
	struct stat st;
	int err = 0;

	if (fstatat(at->directory, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		file_answer_failed_at(w, r->path, -errno);
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
		file_answer_failed(w, err);
}

static void remove_file(struct file_answer *w, const struct fs_remove_request *r)
{
	struct file_place at;
	int err;

	if (is_root(r->path)) {
		file_answer_because(
			w, FS_POLICY_DENIED, r->path, "the root directory cannot be removed");
		return;
	}
	err = file_path_find(r->path, r->follow_symlinks, false, &at, &w->problem);
	if (err != 0) {
		file_answer_failed(w, err);
		return;
	}
	err = file_path_check_below(at.path, &w->problem);
	if (err == 0)
		remove_found(w, r, &at);
	else
		file_answer_failed(w, err);
	close(at.directory);
}

static void move_file(struct file_answer *w, const struct fs_move_request *r)
{
	struct file_place from, to;
	int err = file_path_find(r->from, r->follow_symlinks, false, &from, &w->problem);

	if (err != 0) {
		file_answer_failed(w, err);
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
		file_answer_failed(w, err);
	close(from.directory);
}

/* ---- the request ----------------------------------------------------------------------------- */

static void run(struct file_answer *w, const struct request *r)
{
	const union request_body *body = &r->body;

	if (r->kind == REQUEST_FS_READ)
		read_file(w, &body->fs_read);
	else if (r->kind == REQUEST_FS_WRITE)
		file_answer_write(w, &body->fs_write);
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
	else if (r->kind == REQUEST_FS_HASH)
		file_answer_hash(w, &body->fs_hash);
	else if (r->kind == REQUEST_FS_SET_ATTRIBUTES)
		file_answer_set(w, &body->fs_set_attributes);
	else
		file_error(w->result, FS_OTHER, "not a file request");
}

void file_request_run(const struct request *r, struct buf *b)
{
	struct file_answer *w = calloc(1, sizeof(*w));
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
