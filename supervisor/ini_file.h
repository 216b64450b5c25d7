/* SPDX-License-Identifier: MIT */
/* .ini files through inih: no continuation lines, no inline comments, every error with its line. */
#ifndef SUPERVISOR_INI_FILE_H
#define SUPERVISOR_INI_FILE_H

#include "base/problem.h"

#include <stdint.h>

/*
 * Called for every "key = value" line. Returns 0, or non-zero with `p` when the line cannot be
 * used; the caller adds file and line to the text.
 */
typedef int (*ini_file_entry)(
	void *arg, const char *section, const char *key, const char *value, struct problem *p);

/*
 * Read the file `path`, of at most 256 KiB, and call `entry` for each line. `directory` is a
 * descriptor of the directory that the file is in, which saves the walk to it, or AT_FDCWD.
 * `report` is told, as "FILE:LINE: ...", of the first line that is not "key = value" and of each
 * that `entry` refuses; the lines after it are still read. `hash` (may be NULL) gets a number that
 * changes with the text, or 0 when memory ran out, so that the same text is read again later.
 * Returns 0; -EINVAL when any line was bad; another -errno (also told) when the file cannot be
 * read.
 */
int ini_file_read(int directory, const char *path, ini_file_entry entry, void *arg,
	const struct reporter *report, uint64_t *hash);

#endif
