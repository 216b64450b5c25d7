/* SPDX-License-Identifier: MIT */
/* Memory for a program that has nothing better to do without it than to say so and end. */
#ifndef PROBE_MEMORY_H
#define PROBE_MEMORY_H

#include <stddef.h>

/* Return `pointer`, or end the program with exit status 3 and a message when it is NULL. */
void *memory_must(void *pointer);

/* A NUL-terminated copy of `len` bytes. */
char *memory_copy(const char *bytes, size_t len);

/* realloc(3) for `count` elements of `size` bytes. */
void *memory_resize(void *old, size_t count, size_t size);

#endif
