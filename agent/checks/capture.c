/* SPDX-License-Identifier: MIT */
#include "agent/checks/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 16384
#define FIRST_SIZE 256

/* Make room for `len` more bytes, up to the limit. Returns how many fit. */
static size_t make_room(struct capture *c, size_t len)
{
	size_t want = len > c->max - c->len ? c->max : c->len + len;
	size_t size = c->size == 0 ? FIRST_SIZE : c->size;
	char *data;

	while (size < want)
		size *= 2;
	if (size > c->max)
		size = c->max;
	if (size > c->size) {
		data = realloc(c->data, size);
		if (data != NULL) {
			c->data = data;
			c->size = size;
		}
	}
	return c->size - c->len < len ? c->size - c->len : len;
}

/* Drop the oldest bytes so that `len` more fit within the limit. */
static void drop_oldest(struct capture *c, size_t len)
{
	size_t drop = c->len + len > c->max ? c->len + len - c->max : 0;

	if (drop == 0)
		return;
	c->cut = true;
	c->len -= drop;
	memmove(c->data, c->data + drop, c->len);
}

void capture_add(struct capture *c, const char *bytes, size_t len)
{
	size_t room;

	if (c->keep_last) {
		if (len > c->max) {
			c->cut = true;
			bytes += len - c->max;
			len = c->max;
		}
		drop_oldest(c, len);
	}
	room = make_room(c, len);
	if (room < len)
		c->cut = true;
	if (room == 0)
		return;
	memcpy(c->data + c->len, bytes, room);
	c->len += room;
}

ssize_t capture_read(struct capture *c, int fd)
{
	char bytes[READ_BYTES];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n < 0)
		return -errno;
	capture_add(c, bytes, (size_t)n);
	return n;
}

void capture_free(struct capture *c)
{
	free(c->data);
	c->data = NULL;
	c->size = c->len = 0;
	c->cut = false;
}
