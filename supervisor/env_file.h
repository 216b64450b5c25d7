/* SPDX-License-Identifier: MIT */
/* Environment files such as /mnt/config/mvm-env.env: read as data, never executed. */
#ifndef SUPERVISOR_ENV_FILE_H
#define SUPERVISOR_ENV_FILE_H

#include "base/problem.h"
#include "base/strings.h"

/*
 * Read the assignments of `text` into `out`; later ones win. An assignment is [export] NAME=VALUE.
 * A VALUE that is one quoted string, which may span lines, is the text between the quotes:
 * unchanged for single quotes; for double quotes without the backslashes before $ ` " \ and line
 * ends, as in sh(1). Any other VALUE is the rest of the line without trailing white space ("A=it's"
 * is legal). Empty lines and lines that begin with # are skipped. So are other lines and quotes
 * that are never closed, and `report` is told of them with `path` and line number, but never with
 * their text. Returns 0 or -ENOMEM.
 */
int env_file_parse(
	const char *path, const char *text, struct strings *out, const struct reporter *report);

/*
 * env_file_parse() of the file `path`, of at most 256 KiB. Returns 0, or -errno without a report
 * when it cannot be read.
 */
int env_file_read(const char *path, struct strings *out, const struct reporter *report);

/*
 * True if `name` (`len` bytes) can name an environment variable: [A-Za-z_][A-Za-z0-9_.-]*. The
 * shell has no names with dots and dashes, but some programs do (Elasticsearch).
 */
int env_name_is_valid(const char *name, size_t len);

#endif
