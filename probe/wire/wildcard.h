/* SPDX-License-Identifier: MIT */
/*
 * glob(7) for paths, without collation classes: musl's glob(3) brings 21 kB of tables for other
 * alphabets and for ~user with it, a tenth of this program.
 */
#ifndef PROBE_WIRE_WILDCARD_H
#define PROBE_WIRE_WILDCARD_H

#include <stdbool.h>

/* True if `text` has a character that stands for others. */
bool wildcard_is_in(const char *text);

/*
 * True if the name matches the pattern: ? is any byte, * any number of them, [abc], [a-c], [!a] one
 * of a set, and \ takes the meaning from what follows. A dot in front is matched by a dot only.
 */
bool wildcard_matches(const char *pattern, const char *name);

/*
 * Call `each` with every path that exists and matches, in the order of strcmp(3) in each directory.
 * An `each` that returns non-zero ends the walk. Directories that cannot be read have no matches.
 * Returns 0 or what `each` returned.
 */
int wildcard_expand(const char *pattern, int (*each)(void *arg, const char *path), void *arg);

#endif
