/* SPDX-License-Identifier: MIT */
/* Environment files such as /mnt/config/mvm-env.env: they are read as data and never executed. */
#ifndef SUPERVISOR_ENV_FILE_H
#define SUPERVISOR_ENV_FILE_H

#include "base/problem.h"
#include "base/strings.h"

/*
 * Read the assignments of `text` into `out`, later ones winning. An assignment is [export]
 * NAME=VALUE. A VALUE that is wholly one quoted string, which may span lines, is what stands
 * between the quotes: single ones as it is, double ones with backslash before $ ` " \ and a line's
 * end taken away, as in sh(1). Any other VALUE is taken as it is, up to the end of the line,
 * without white space at its end ("A=it's" is legal). Empty lines and lines that begin with # are
 * skipped. A line that is none of this, and a quote that is never closed, is told to `report` with
 * `path` and its number, never with its text, and skipped. Returns 0 or -ENOMEM.
 */
int env_file_parse(
	const char *path, const char *text, struct strings *out, const struct reporter *report);

/*
 * env_file_parse() of the file `path`, of at most 256 KiB. Returns 0; -ENOENT when there is no such
 * file, which is not told to `report`; another -errno, which is.
 */
int env_file_read(const char *path, struct strings *out, const struct reporter *report);

/*
 * True if `name` (`len` bytes) can name an environment variable: [A-Za-z_][A-Za-z0-9_.-]*. The
 * shell knows no names with dots and dashes; programs do (Elasticsearch).
 */
int env_name_is_valid(const char *name, size_t len);

#endif
