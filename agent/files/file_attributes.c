/* SPDX-License-Identifier: MIT */
#include "agent/files/file_answer.h"
#include "agent/files/file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Of a regular file; `content` is the buffer. */
static int hash_range(struct file_answer *w, int fd, const struct fs_hash_request *r)
{
	uint64_t at = 0;
	struct sha256 s;

	sha256_begin(&s);
	while (at < r->length) {
		uint64_t left = r->length - at;
		size_t want = left < sizeof(w->content) ? (size_t)left : sizeof(w->content);
		ssize_t n = file_answer_read(fd, w->content, want, r->offset + at);

		if (n < 0)
			return (int)n;
		sha256_add(&s, w->content, (size_t)n);
		at += (uint64_t)n;
		if ((size_t)n < want)
			break;
	}
	sha256_end(&s, w->sha256);
	*w->result = (struct fs_result){ .kind = FS_RESULT_HASH,
		.as.hash = { .sha256 = w->sha256, .bytes = at } };
	return 0;
}

void file_answer_hash(struct file_answer *w, const struct fs_hash_request *r)
{
	struct stat st;
	int fd = file_answer_look(w, r->path, true, &st), err;

	if (fd < 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		file_answer_because(w, FS_BAD_PATH, r->path, "not a regular file");
		close(fd);
		return;
	}
	fd = file_answer_open(w, fd, r->path, 0);
	if (fd < 0)
		return;
	err = hash_range(w, fd, r);
	close(fd);
	if (err != 0)
		file_answer_failed_at(w, r->path, err);
}

/* Of a regular file or a directory, whose content is written out, too. */
void file_answer_set(struct file_answer *w, const struct fs_set_attributes_request *r)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)r->modified_secs } };
	struct stat st;
	int fd = file_answer_look(w, r->path, false, &st), err = 0;

	if (fd < 0)
		return;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		file_answer_because(
			w, FS_BAD_PATH, r->path, "neither a regular file nor a directory");
		close(fd);
		return;
	}
	fd = file_answer_open(w, fd, r->path, 0);
	if (fd < 0)
		return;
	if ((r->has_mode && fchmod(fd, (mode_t)r->mode) != 0) ||
		(r->has_modified && futimens(fd, times) != 0) || fsync(fd) != 0 ||
		fstat(fd, &st) != 0)
		err = -errno;
	close(fd);
	if (err != 0)
		file_answer_failed_at(w, r->path, err);
	else
		file_answer_status(w, &st);
}
