/* SPDX-License-Identifier: MIT */
/* Output of a process that nobody has read yet: pieces of two streams, in order. */
#ifndef AGENT_REQUESTS_OUTPUT_QUEUE_H
#define AGENT_REQUESTS_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_QUEUE_MAX 1048576 /* most bytes kept for a process */

struct output_piece {
	struct output_piece *next;
	int stream; /* 1 or 2 */
	size_t len, size;
	char bytes[];
};

struct output_queue {
	struct output_piece *first, *last;
	size_t len;    /* bytes of all pieces */
	uint64_t lost; /* bytes dropped so far */
};

/* Add bytes. Without room or memory they are dropped and counted in `lost`. */
void output_queue_add(struct output_queue *q, int stream, const char *bytes, size_t len);

/* True if there is no room for more bytes. */
bool output_queue_is_full(const struct output_queue *q);

/* Take the first piece (at most STREAM_CHUNK_MAX bytes), which the caller frees. NULL: none. */
struct output_piece *output_queue_take(struct output_queue *q);

void output_queue_free(struct output_queue *q);

#endif
