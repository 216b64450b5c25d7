/* SPDX-License-Identifier: MIT */
/* Lists of strings on the heap, such as an environment. */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stddef.h>
#include <stdint.h>

struct strings {
	char **list; /* NULL-terminated once something was added; each string is owned */
	size_t count;
};

/* Append a copy of the first `len` bytes of `text`. Returns 0 or -ENOMEM. */
int strings_add(struct strings *s, const char *text, size_t len);

/* Append every string of `from`. Returns 0 or -ENOMEM. */
int strings_add_all(struct strings *s, const struct strings *from);

/*
 * Set the environment variable of "NAME=value" in `text`: an entry of the same name is replaced.
 * Returns 0 or -ENOMEM.
 */
int strings_set_variable(struct strings *s, const char *text);

/* Set NAME to value. Returns 0 or -ENOMEM. */
int strings_set(struct strings *s, const char *name, const char *value);

/* Index of the entry "name=...", or `count` when there is none. */
size_t strings_find_variable(const struct strings *s, const char *name, size_t name_len);

/* The FNV-1a hash of a text or of `len` bytes, 64 bits. */
uint64_t strings_hash_bytes(const void *bytes, size_t len);
uint64_t strings_hash(const char *text);

/* Free everything. */
void strings_free(struct strings *s);

#endif
