/* SPDX-License-Identifier: MIT */
/*
 * Paths of file requests: how they are walked, and where no request may go. The kernel walks them
 * (openat2(2)), so that nobody can put a symbolic link between a check and its use: what was opened
 * is what is checked and what is acted upon.
 */
#ifndef AGENT_FILES_FILE_PATH_H
#define AGENT_FILES_FILE_PATH_H

#include "base/problem.h"

#include <limits.h>
#include <stdbool.h>

/* A file by its directory and its name there; the file itself may be absent. */
struct file_place {
	int directory; /* O_PATH */
	char name[NAME_MAX + 1];
	char path[PATH_MAX]; /* absolute, without symbolic links in front of the name */
};

/* Errors of this module that are not the kernel's. */
enum {
	FILE_PATH_BAD = 1000, /* the path itself is wrong */
	FILE_PATH_DENIED,     /* no request may go there */
};

/*
 * Open what `path` names with O_PATH, which touches neither devices nor FIFOs. Links of /proc that
 * lead to open files are never followed; without `follow` no symbolic link is, and a last one is
 * what is opened. `canonical` gets its path, PATH_MAX bytes. Returns the descriptor or, with `p`,
 * -errno or one of the errors above, negative: -ELOOP for a symbolic link that is in the way.
 */
int file_path_open(const char *path, bool follow, char *canonical, struct problem *p);

/*
 * Find the place of a file that may be absent. With `follow`, a symbolic link there stands for
 * what it leads to. With `parents`, directories that are absent are made. Errors as above; on
 * success the caller closes `directory`.
 */
int file_path_find(
	const char *path, bool follow, bool parents, struct file_place *place, struct problem *p);

/*
 * Refuse a place that contains one where no request may go, for requests that move or remove what
 * is below. Returns 0, or -FILE_PATH_DENIED with `p`.
 */
int file_path_check_below(const char *canonical, struct problem *p);

/* openat2(2) with `resolve` flags. Returns the descriptor or -errno. */
int file_path_openat(int directory, const char *name, int flags, unsigned long long resolve);

/* Open once more, for use, what an O_PATH descriptor stands for. Returns the descriptor or -errno.
 */
int file_path_reopen(int fd, int flags);

#endif
