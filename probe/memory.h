/* SPDX-License-Identifier: MIT */
/* Allocation for a program that reports a lack of memory and ends. */
#ifndef PROBE_MEMORY_H
#define PROBE_MEMORY_H

#include <stddef.h>

/* Return `pointer`. If it is NULL, end the program with a message and exit status 3. */
void *memory_must(void *pointer);

/* A NUL-terminated copy of `len` bytes. */
char *memory_copy(const char *bytes, size_t len);

/* realloc(3) for `count` elements of `size` bytes. */
void *memory_resize(void *old, size_t count, size_t size);

/*
 * Make room in an array for one element behind its `count` elements of `size` bytes. The array
 * grows by doubling, at each power of two; NULL is an array of none. Returns the array.
 */
void *memory_for_one_more(void *array, size_t count, size_t size);

#endif
