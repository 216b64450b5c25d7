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

void *memory_for_one_more(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return memory_resize(array, count > 0 ? 2 * count : 1, size);
}
