/* SPDX-License-Identifier: MIT */
/* What differs in the overlays from the image, found out by a helper. */
#ifndef INIT_CHANGES_H
#define INIT_CHANGES_H

#include "base/loop.h"

#include <stddef.h>
#include <sys/types.h>

struct changes_work {
	struct loop *loop;
	struct loop_io io; /* waits for more of the list */
	int fd;            /* from the helper; -1: there is none */
};

/* Prepare work that has not begun. */
void changes_init(struct changes_work *c, struct loop *loop);

/* Start the helper; there must be none. Returns 0, -ENOENT without overlays, or another -errno. */
int changes_begin(struct changes_work *c);

/*
 * Take a part of the list. Returns its length; 0 when the helper has ended and is forgotten; or
 * -EAGAIN: there is none now, and the loop wakes PID 1 when there is.
 */
ssize_t changes_read(struct changes_work *c, char *data, size_t size);

/* Forget the helper, if there is one. It ends when it writes more. */
void changes_close(struct changes_work *c);

#endif
