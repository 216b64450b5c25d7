/* SPDX-License-Identifier: MIT */
/* A bounded part of what a program writes: the first bytes, or the last. */
#ifndef AGENT_CHECKS_CAPTURE_H
#define AGENT_CHECKS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct capture {
	char *data;     /* from malloc(), grows up to `max` */
	size_t size;    /* bytes at data */
	size_t len;     /* bytes kept */
	size_t max;     /* bytes to keep, at most */
	bool keep_last; /* keep the last bytes, not the first */
	bool cut;       /* some were not kept */
};

/* Add bytes. Without memory for them they count as cut. */
void capture_add(struct capture *c, const char *bytes, size_t len);

/*
 * Read once from the non-blocking `fd` into the capture. Returns read(2)'s count, 0 at the end of
 * file, or -errno (-EAGAIN: nothing there now).
 */
ssize_t capture_read(struct capture *c, int fd);

void capture_free(struct capture *c);

#endif
