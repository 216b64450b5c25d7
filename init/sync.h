/* SPDX-License-Identifier: MIT */
/*
 * Writing all file systems to disk and dropping the page cache, in a process of its own, because
 * PID 1 must not wait for disks.
 */
#ifndef INIT_SYNC_H
#define INIT_SYNC_H

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define SYNC_PARTS 2 /* sync(2), then /proc/sys/vm/drop_caches */

struct sync_part {
	uint64_t start_us, end_us; /* CLOCK_MONOTONIC */
	int64_t error;             /* errno value, or 0 */
};

struct sync_work {
	struct loop *loop;
	struct loop_io io; /* pipe for the results; fd -1: no process */
	bool claimed;      /* a request waits for the results or is sending them */
	struct sync_part parts[SYNC_PARTS];
};

/* Prepare work that has not begun. */
void sync_init(struct sync_work *s, struct loop *loop);

/* Start the process, if none runs; only the first part, unless `drops_caches`. `io.fd` is -1 again
 * after its end. Returns 0 or -errno. */
int sync_begin(struct sync_work *s, bool drops_caches);

#endif
