/* SPDX-License-Identifier: MIT */
/*
 * Cut a stream of bytes into frames, whether they arrive in pieces or several at once. Memory
 * grows with the bytes that arrived, not with the length that a header announces.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include "base/agent_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_BODY_MAX     262144  /* most bytes of a frame's body */
#define PROTOCOL_REQUEST_MAX  1048576 /* the same for a large request on a port that takes them */
#define PROTOCOL_HEADER_BYTES 4       /* the body's length, big-endian */
#define FRAME_SMALL           256     /* bytes that fit the reader without an allocation */

/* Write the header of a frame with a body of `len` bytes. */
void protocol_header_encode(uint32_t len, unsigned char header[PROTOCOL_HEADER_BYTES]);

/* The body's length by a header. The caller compares it with PROTOCOL_BODY_MAX. */
uint32_t protocol_header_decode(const unsigned char header[PROTOCOL_HEADER_BYTES]);

struct frame_reader {
	char *data;       /* `small`, or memory from malloc() */
	size_t size;      /* bytes at data */
	size_t len;       /* bytes that arrived and are not yet consumed */
	bool takes_large; /* large requests may have up to PROTOCOL_REQUEST_MAX bytes */
	char small[FRAME_SMALL];
};

/* Start empty. The struct must not move in memory afterwards. */
void frame_reader_init(struct frame_reader *r);

/* Free what the reader holds. */
void frame_reader_free(struct frame_reader *r);

/*
 * Where to put the next bytes: `*room` of them (at least 1) fit at the returned place. NULL if
 * memory is out, or if frame_next() has a frame or an error that must be taken first.
 */
char *frame_room(struct frame_reader *r, size_t *room);

/* Note that `n` bytes were put at frame_room(). */
void frame_filled(struct frame_reader *r, size_t n);

/*
 * Look for a whole frame. Returns 1 with its body, which is valid until the next call on this
 * reader; 0 if more bytes are needed; -EMSGSIZE if the header announces more than
 * PROTOCOL_BODY_MAX bytes. For a large request (message_is_large() decides by its first bytes) the
 * limit is PROTOCOL_REQUEST_MAX. `len` is the announced length, unless 0 is returned.
 */
int frame_next(const struct frame_reader *r, const char **body, size_t *len);

/* Drop the frame that frame_next() returned. */
void frame_consume(struct frame_reader *r);

/* True if part of a frame has arrived. */
bool frame_begun(const struct frame_reader *r);

#endif
