/* SPDX-License-Identifier: MIT */
/* Directory entries without memory from the heap. */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

/*
 * Call `each` with the name of every entry of the open directory `fd`, without "." and "..", from
 * the first one on. An `each` that returns non-zero ends the walk. The callback may remove entries.
 * Returns 0, what `each` returned, or -errno of getdents64(2).
 */
int directory_each(int fd, int (*each)(void *arg, const char *name), void *arg);

#endif
