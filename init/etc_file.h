/* SPDX-License-Identifier: MIT */
/*
 * Small files of /etc that init writes. The image may have a link in their place: it is read
 * through, and never written through.
 */
#ifndef INIT_ETC_FILE_H
#define INIT_ETC_FILE_H

#include "base/buf.h"
#include "base/problem.h"

/*
 * Read all of `path` into memory that the caller frees. A file that is not there, or a link to
 * nothing, is "". Returns 0, or -errno, which is told to `report`: then the file is to be left as
 * it is.
 */
int etc_file_read(const char *path, char **text, const struct reporter *report);

/*
 * Put a new regular file with `wanted` in the place of `path`, unless that reads `now` and says the
 * same. A failure, also of a `wanted` that was cut, is told to `report`.
 */
void etc_file_write(
	const char *path, const char *now, const struct buf *wanted, const struct reporter *report);

#endif
