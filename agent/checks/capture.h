/* SPDX-License-Identifier: MIT */
/* Keeps a limited part of a program's output: the first bytes, or the last. */
#ifndef AGENT_CHECKS_CAPTURE_H
#define AGENT_CHECKS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct capture {
	char *data;     /* from malloc(), grows up to `max` */
	size_t size;    /* bytes at data */
	size_t len;     /* bytes kept */
	size_t max;     /* most bytes to keep */
	bool keep_last; /* keep the last bytes, not the first */
	bool cut;       /* some bytes were dropped */
};

/* Add bytes. Bytes without memory for them are dropped, and `cut` is set. */
void capture_add(struct capture *c, const char *bytes, size_t len);

/*
 * Read once from the non-blocking `fd` into the capture. Returns the number of bytes, 0 at the end
 * of file, or -errno (-EAGAIN: nothing to read now).
 */
ssize_t capture_read(struct capture *c, int fd);

void capture_free(struct capture *c);

#endif
