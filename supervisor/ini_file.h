/* SPDX-License-Identifier: MIT */
/* .ini files through inih: no continuation lines, no inline comments, every error with its line. */
#ifndef SUPERVISOR_INI_FILE_H
#define SUPERVISOR_INI_FILE_H

#include "base/problem.h"

#include <stdint.h>

/*
 * Called for every "key = value" line. Returns 0, or non-zero with `p` (without file and line,
 * which are added) when the line cannot be used.
 */
typedef int (*ini_file_entry)(
	void *arg, const char *section, const char *key, const char *value, struct problem *p);

/*
 * Read the file `path`, of at most 256 KiB, and hand out its lines. The first line that is no "key
 * = value", and each that `entry` refuses, is told to `report` as "FILE:LINE: ..."; the others are
 * handed out all the same. `hash` (may be NULL) gets a number that changes with the text; 0 when
 * memory was missing for it, which the same text may find another time. Returns 0; -EINVAL when any
 * line was bad; another -errno (told too) when the file cannot be read.
 */
int ini_file_read(const char *path, ini_file_entry entry, void *arg, const struct reporter *report,
	uint64_t *hash);

#endif
