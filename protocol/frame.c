/* SPDX-License-Identifier: MIT */
#include "protocol/frame.h"

#include "protocol/messages.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GROW_BYTES 4096 /* size of the first allocation, beyond the small buffer */

void protocol_header_encode(uint32_t len, unsigned char header[PROTOCOL_HEADER_BYTES])
{
	header[0] = (unsigned char)(len >> 24);
	header[1] = (unsigned char)(len >> 16);
	header[2] = (unsigned char)(len >> 8);
	header[3] = (unsigned char)len;
}

uint32_t protocol_header_decode(const unsigned char header[PROTOCOL_HEADER_BYTES])
{
	return (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 |
	       header[3];
}

void frame_reader_init(struct frame_reader *r)
{
	r->data = r->small;
	r->size = sizeof(r->small);
	r->len = 0;
	r->takes_large = false;
}

void frame_reader_free(struct frame_reader *r)
{
	if (r->data != r->small)
		free(r->data);
	frame_reader_init(r);
}

static size_t promised(const struct frame_reader *r)
{
	return protocol_header_decode((const unsigned char *)r->data);
}

static bool grow(struct frame_reader *r)
{
	size_t whole = PROTOCOL_HEADER_BYTES + promised(r);
	size_t size = r->size < GROW_BYTES ? GROW_BYTES : 2 * r->size;
	char *data;

	if (size > whole)
		size = whole;
	data = realloc(r->data == r->small ? NULL : r->data, size);
	if (data == NULL)
		return false;
	if (r->data == r->small)
		memcpy(data, r->small, r->len);
	r->data = data;
	r->size = size;
	return true;
}

char *frame_room(struct frame_reader *r, size_t *room)
{
	const char *body;
	size_t len;

	if (frame_next(r, &body, &len) != 0)
		return NULL;
	if (r->len == r->size && !grow(r))
		return NULL;
	*room = r->size - r->len;
	return r->data + r->len;
}

void frame_filled(struct frame_reader *r, size_t n)
{
	r->len += n;
}

int frame_next(const struct frame_reader *r, const char **body, size_t *len)
{
	if (r->len < PROTOCOL_HEADER_BYTES)
		return 0;
	*len = promised(r);
	if (*len > PROTOCOL_BODY_MAX) {
		size_t have = r->len - PROTOCOL_HEADER_BYTES;

		if (!r->takes_large || *len > PROTOCOL_REQUEST_MAX)
			return -EMSGSIZE;
		if (have < MESSAGE_NAME_ROOM)
			return 0;
		if (!message_is_large(r->data + PROTOCOL_HEADER_BYTES, MESSAGE_NAME_ROOM))
			return -EMSGSIZE;
	}
	if (r->len < PROTOCOL_HEADER_BYTES + *len)
		return 0;
	*body = r->data + PROTOCOL_HEADER_BYTES;
	return 1;
}

void frame_consume(struct frame_reader *r)
{
	size_t whole = PROTOCOL_HEADER_BYTES + promised(r);

	r->len -= whole;
	memmove(r->data, r->data + whole, r->len);
	if (r->data != r->small && r->len <= sizeof(r->small)) {
		char *data = r->data;

		memcpy(r->small, data, r->len);
		r->data = r->small;
		r->size = sizeof(r->small);
		free(data);
	}
}

bool frame_begun(const struct frame_reader *r)
{
	return r->len > 0;
}
