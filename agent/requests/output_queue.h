/* SPDX-License-Identifier: MIT */
/* What a process has written and nobody has read yet: pieces of two streams, in order. */
#ifndef AGENT_REQUESTS_OUTPUT_QUEUE_H
#define AGENT_REQUESTS_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_QUEUE_MAX 1048576 /* bytes kept of a process */

struct output_piece {
	struct output_piece *next;
	int stream; /* 1 or 2 */
	size_t len, size;
	char bytes[];
};

struct output_queue {
	struct output_piece *first, *last;
	size_t len;    /* of all pieces */
	uint64_t lost; /* bytes that were not kept */
};

/* Add bytes; without room or memory they are lost, and counted. */
void output_queue_add(struct output_queue *q, int stream, const char *bytes, size_t len);

/* True if no more bytes are kept. */
bool output_queue_is_full(const struct output_queue *q);

/* Take the first piece, of at most STREAM_CHUNK_MAX bytes; the caller frees it. NULL: none. */
struct output_piece *output_queue_take(struct output_queue *q);

void output_queue_free(struct output_queue *q);

#endif
