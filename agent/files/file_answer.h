/* SPDX-License-Identifier: MIT */
/* A file request's answer while it is made: what its parts point to, and how it fails. */
#ifndef AGENT_FILES_FILE_ANSWER_H
#define AGENT_FILES_FILE_ANSWER_H

#include "base/clock.h"
#include "base/problem.h"
#include "base/sha256.h"
#include "protocol/messages.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILE_READ_MAX 60000 /* most bytes that one FsRead returns */
#define FILE_LIST_MAX 4096  /* most entries that one FsList returns */
#define FILE_TOO_MANY                                                                              \
	1002 /* an error beside those of file_path.h: more than a request may have                 \
	      */

struct file_answer {
	struct fs_result *result;
	char canonical[PATH_MAX];
	char content[FILE_READ_MAX + 1];
	char mtime[CLOCK_UTC_MAX];
	char sha256[SHA256_HEX_MAX];
	struct fs_entry entries[FILE_LIST_MAX];
	size_t count, room; /* entries, and bytes that are left for more */
	bool is_full;
	int directory;
	struct problem problem;
};

/* Set an FsResult to an error; `message` is kept by reference. */
void file_error(struct fs_result *result, enum fs_error kind, const char *message);

/* The answer is the error that `problem` describes. `err` is negative: of file_path.h or errno. */
void file_answer_failed(struct file_answer *w, int err);

/* The same for an error of the kernel, which nobody has described yet. */
void file_answer_failed_at(struct file_answer *w, const char *path, int err);

void file_answer_because(
	struct file_answer *w, enum fs_error kind, const char *path, const char *why);

/* Open an existing file with O_PATH, and look at it. Returns -1 after an error. */
int file_answer_look(struct file_answer *w, const char *path, bool follow, struct stat *st);

/* Open for use what file_answer_look() has found, which is closed. Never waits for a FIFO. Returns
 * the descriptor, or one below 0 after an error. */
int file_answer_open(struct file_answer *w, int found, const char *path, int flags);

/* Read up to `size` bytes from `offset`. Returns the count or -errno; 0 where no file can reach. */
ssize_t file_answer_read(int fd, char *out, size_t size, uint64_t offset);

enum fs_file_kind file_answer_kind(mode_t mode);

/* The answer is the Stat of what file_answer_look() has found. */
void file_answer_status(struct file_answer *w, const struct stat *st);

/* FsWrite; FsHash and FsSetAttributes. */
void file_answer_write(struct file_answer *w, const struct fs_write_request *r);
void file_answer_hash(struct file_answer *w, const struct fs_hash_request *r);
void file_answer_set(struct file_answer *w, const struct fs_set_attributes_request *r);

#endif
