/* SPDX-License-Identifier: MIT */
/*
 * PID 1's heap, in place of the C library's, which would be a tenth of the program. PID 1 allocates
 * when it reads configuration, and hardly ever frees: pieces have one of a few sizes, each size has
 * a list of free ones, and memory comes from the kernel in blocks that are never given back.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZES      64 /* 32 bytes, 48, 64, 80, 96, 112, 128, 160 ... 2.5 MiB */
#define BLOCK_SIZE 65536u
#define HEADER     16 /* before each piece: the number of its size; keeps pieces aligned */

struct piece {
	struct piece *next;
};

static struct piece *free_pieces[SIZES];
static char *block, *block_end;

/* From 64 on in four steps to the double, so that little is wasted; all are multiples of 16. */
static size_t size_of(unsigned int number)
{
	return number < 2 ? 32 + 16 * number
			  : (size_t)(16 * (4 + (number - 2) % 4)) << ((number - 2) / 4);
}

static unsigned int number_of(size_t size)
{
	unsigned int n = 0;

	while (n < SIZES && size_of(n) < size)
		n++;
	return n;
}

static char *take_from_block(size_t size)
{
	char *p;

	if ((size_t)(block_end - block) < size) {
		size_t length = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		block = p;
		block_end = p + length;
	}
	p = block;
	block += size;
	return p;
}

void *malloc(size_t size)
{
	unsigned int n = number_of(size + HEADER);
	struct piece *p;
	char *memory;

	if (size > PTRDIFF_MAX || n == SIZES) {
		errno = ENOMEM;
		return NULL;
	}
	p = free_pieces[n];
	if (p != NULL) {
		free_pieces[n] = p->next;
		return p;
	}
	memory = take_from_block(size_of(n));
	if (memory == NULL)
		return NULL;
	*(uint64_t *)(void *)memory = n;
	return memory + HEADER;
}

static unsigned int number_of_piece(const void *p)
{
	return (unsigned int)*(const uint64_t *)(const void *)((const char *)p - HEADER);
}

void free(void *p)
{
	struct piece *piece = p;

	if (p == NULL)
		return;
	piece->next = free_pieces[number_of_piece(p)];
	free_pieces[number_of_piece(p)] = piece;
}

void *calloc(size_t count, size_t size)
{
	void *p;

	if (size != 0 && count > PTRDIFF_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	p = malloc(count * size);
	return p == NULL ? NULL : memset(p, 0, count * size);
}

void *realloc(void *p, size_t size)
{
	size_t old;
	void *new;

	if (p == NULL)
		return malloc(size);
	old = size_of(number_of_piece(p)) - HEADER;
	if (size <= old)
		return p;
	new = malloc(size);
	if (new == NULL)
		return NULL;
	memcpy(new, p, old);
	free(p);
	return new;
}
