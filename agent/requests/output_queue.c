/* SPDX-License-Identifier: MIT */
#include "agent/requests/output_queue.h"

#include "agent/wire/stream.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_MIN 4096 /* least size of a new piece */

bool output_queue_is_full(const struct output_queue *q)
{
	return q->len >= OUTPUT_QUEUE_MAX;
}

static struct output_piece *new_piece(struct output_queue *q, int stream, size_t len)
{
	size_t size = len < PIECE_MIN ? PIECE_MIN : len;
	struct output_piece *piece = malloc(sizeof(*piece) + size);

	if (piece == NULL)
		return NULL;
	*piece = (struct output_piece){ .stream = stream, .size = size };
	if (q->last != NULL)
		q->last->next = piece;
	else
		q->first = piece;
	q->last = piece;
	return piece;
}

void output_queue_add(struct output_queue *q, int stream, const char *bytes, size_t len)
{
	while (len > 0 && !output_queue_is_full(q)) {
		struct output_piece *piece = q->last;
		size_t n = len < STREAM_CHUNK_MAX ? len : STREAM_CHUNK_MAX;

		if (n > OUTPUT_QUEUE_MAX - q->len)
			n = OUTPUT_QUEUE_MAX - q->len;
		if (piece == NULL || piece->stream != stream || piece->len == piece->size)
			piece = new_piece(q, stream, n);
		if (piece == NULL)
			break;
		if (n > piece->size - piece->len)
			n = piece->size - piece->len;
		memcpy(piece->bytes + piece->len, bytes, n);
		piece->len += n;
		q->len += n;
		bytes += n;
		len -= n;
	}
	q->lost += len;
}

struct output_piece *output_queue_take(struct output_queue *q)
{
	struct output_piece *piece = q->first;

	if (piece == NULL)
		return NULL;
	q->first = piece->next;
	if (q->first == NULL)
		q->last = NULL;
	q->len -= piece->len;
	return piece;
}

void output_queue_free(struct output_queue *q)
{
	for (struct output_piece *piece; (piece = output_queue_take(q)) != NULL;)
		free(piece);
}
