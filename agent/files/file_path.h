/* SPDX-License-Identifier: MIT */
/*
 * Paths of file requests: opening them, and refusing forbidden places. The kernel walks each path
 * (openat2(2)). The path that is checked belongs to the descriptor that is used, so nobody can put
 * a symbolic link between check and use.
 */
#ifndef AGENT_FILES_FILE_PATH_H
#define AGENT_FILES_FILE_PATH_H

#include "base/problem.h"

#include <limits.h>
#include <stdbool.h>

/* A directory and the name of a file in it; the file may be absent. */
struct file_place {
	int directory; /* O_PATH */
	char name[NAME_MAX + 1];
	char path[PATH_MAX]; /* absolute; no symbolic link before the last component */
};

/* This module's own errors, beside errno values. */
enum {
	FILE_PATH_BAD = 1000, /* the path is invalid */
	FILE_PATH_DENIED,     /* file requests are not allowed there */
};

/*
 * Open `path` with O_PATH, which has no effect on devices and FIFOs. /proc's links to open files
 * are never followed. Without `follow`, no symbolic link is followed, and if the last component is
 * one, the link itself is opened. `canonical` (PATH_MAX bytes) becomes the resulting path. Returns
 * the descriptor, or, with `p`, -errno or an error above, negated: -ELOOP if a symbolic link is in
 * the way.
 */
int file_path_open(const char *path, bool follow, char *canonical, struct problem *p);

/*
 * Find the directory and name of a file that may be absent. With `follow`, a symbolic link is
 * replaced by its target. With `parents`, absent directories are created. Errors as above. On
 * success the caller closes `directory`.
 */
int file_path_find(
	const char *path, bool follow, bool parents, struct file_place *place, struct problem *p);

/*
 * Refuse a directory that contains a forbidden place, for requests that move or remove a whole
 * tree. Returns 0, or -FILE_PATH_DENIED with `p`.
 */
int file_path_check_below(const char *canonical, struct problem *p);

/* openat2(2) with `resolve` flags. Returns the descriptor or -errno. */
int file_path_openat(int directory, const char *name, int flags, unsigned long long resolve);

/* Open the file of an O_PATH descriptor with `flags`. Returns the new descriptor or -errno. */
int file_path_reopen(int fd, int flags);

#endif
