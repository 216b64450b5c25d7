/* SPDX-License-Identifier: MIT */
/*
 * glob(7) for paths, without collation classes. musl's glob(3) would add 21 kB of tables for other
 * alphabets and for ~user, a tenth of this program.
 */
#ifndef PROBE_WIRE_WILDCARD_H
#define PROBE_WIRE_WILDCARD_H

#include <stdbool.h>

/* True if `text` has a wildcard. */
bool wildcard_is_in(const char *text);

/*
 * True if the name matches the pattern: ? is any byte, * any number of bytes, [abc], [a-c] and [!a]
 * one byte of a set. \ makes the next character ordinary. Only a dot matches a leading dot.
 */
bool wildcard_matches(const char *pattern, const char *name);

/*
 * Call `each` for every existing path that matches, in the order of strcmp(3) in each directory. If
 * `each` returns non-zero, the walk ends. Unreadable directories have no matches. Returns 0, or the
 * value of `each`.
 */
int wildcard_expand(const char *pattern, int (*each)(void *arg, const char *path), void *arg);

#endif
