/* SPDX-License-Identifier: MIT */
#include "probe/memory.h"

#include "probe/wire/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_must(void *pointer)
{
	if (pointer == NULL) {
		fputs("mvm-probe: out of memory\n", stderr);
		exit(EXIT_NO_ANSWER);
	}
	return pointer;
}

char *memory_copy(const char *bytes, size_t len)
{
	char *copy = memory_must(malloc(len + 1));

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

void *memory_resize(void *old, size_t count, size_t size)
{
	return memory_must(reallocarray(old, count > 0 ? count : 1, size));
}
