/* SPDX-License-Identifier: MIT */
/* A copy of PID 1 for what takes as long as a disk does: PID 1 must not wait. */
#ifndef INIT_HELPER_H
#define INIT_HELPER_H

#include "base/loop.h"

/*
 * Start a process that calls `run` with the write end of a pipe, and ends. The read end, which does
 * not block, is watched as `io`: `ready` reads it, and closes it at its end. Returns 0, or -errno
 * of pipe2(2), clone(2) or epoll_ctl(2) with nothing started.
 */
int helper_start(struct loop *loop, struct loop_io *io,
	void (*ready)(struct loop_io *io, uint32_t events), void (*run)(int report));

#endif
