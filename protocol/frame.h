/* SPDX-License-Identifier: MIT */
/*
 * Frames out of a stream of bytes, however they arrive: in pieces, or several at once. Memory grows
 * with what has arrived, not with what a header promises.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include "base/agent_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_BODY_MAX     262144  /* bytes of a frame's body, at most */
#define PROTOCOL_REQUEST_MAX  1048576 /* of a request that may be large, where it is taken */
#define PROTOCOL_HEADER_BYTES 4       /* length of the body, big-endian */
#define FRAME_SMALL           256     /* bytes that need no memory of their own */

/* Write the header of a frame whose body has `len` bytes. */
void protocol_header_encode(uint32_t len, unsigned char header[PROTOCOL_HEADER_BYTES]);

/* The length that a header gives. The caller compares it with PROTOCOL_BODY_MAX. */
uint32_t protocol_header_decode(const unsigned char header[PROTOCOL_HEADER_BYTES]);

struct frame_reader {
	char *data;       /* `small`, or memory from malloc() */
	size_t size;      /* bytes at data */
	size_t len;       /* bytes that have arrived and are not consumed */
	bool takes_large; /* requests that may be large may have PROTOCOL_REQUEST_MAX bytes */
	char small[FRAME_SMALL];
};

/* Start with nothing. The struct must not move afterwards. */
void frame_reader_init(struct frame_reader *r);

/* Free what the reader holds. */
void frame_reader_free(struct frame_reader *r);

/*
 * Where the next bytes go: `*room` bytes (at least 1) at the returned place. NULL when there is no
 * memory, or when frame_next() has a frame or an error to give first.
 */
char *frame_room(struct frame_reader *r, size_t *room);

/* Say that `n` bytes were put there. */
void frame_filled(struct frame_reader *r, size_t n);

/*
 * Look for a whole frame. Returns 1 with its body (valid until the next call on this reader), 0
 * when more bytes are needed, or -EMSGSIZE when the header promises more than PROTOCOL_BODY_MAX
 * (or PROTOCOL_REQUEST_MAX; of a large one the first bytes say whether it may be);
 * `len` is the promised length in all cases but 0.
 */
int frame_next(const struct frame_reader *r, const char **body, size_t *len);

/* Drop the frame that frame_next() gave. */
void frame_consume(struct frame_reader *r);

/* Has a frame begun to arrive? */
bool frame_begun(const struct frame_reader *r);

#endif
