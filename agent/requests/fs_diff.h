/* SPDX-License-Identifier: MIT */
/* FsDiff: what differs in the guest's overlays from its image, as PID 1 tells it. */
#ifndef AGENT_REQUESTS_FS_DIFF_H
#define AGENT_REQUESTS_FS_DIFF_H

#include "base/buf.h"

#include <stddef.h>

#define FS_DIFF_LIST_MAX 262144 /* bytes of PID 1's list: more does not fit a frame as JSON */

/*
 * Append the FsDiffResult, sorted by path, or an Error: the list is not whole, or does not fit a
 * frame, and then the Error has its length. `arg` is a const struct init_answer *.
 */
void fs_diff_write(struct buf *b, const void *arg);

#endif
