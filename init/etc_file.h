/* SPDX-License-Identifier: MIT */
/*
 * Small files of /etc that init writes. If the image has a symbolic link there, init reads the
 * link's target but replaces the link itself.
 */
#ifndef INIT_ETC_FILE_H
#define INIT_ETC_FILE_H

#include "base/buf.h"
#include "base/problem.h"

/*
 * Read all of `path` into memory that the caller frees. A file that does not exist, or a dangling
 * link, gives "". Returns 0, or -errno after telling `report`; the caller must not change the file
 * then.
 */
int etc_file_read(const char *path, char **text, const struct reporter *report);

/*
 * Replace `path` by a regular file with the text `wanted`, unless its present text `now` is the
 * same. A failure, or a `wanted` that was cut, is told to `report`.
 */
void etc_file_write(
	const char *path, const char *now, const struct buf *wanted, const struct reporter *report);

#endif
