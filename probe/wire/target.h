/* SPDX-License-Identifier: MIT */
/* Where an agent is: a VMM's hybrid Unix socket, or an AF_VSOCK address. */
#ifndef PROBE_WIRE_TARGET_H
#define PROBE_WIRE_TARGET_H

#include "base/problem.h"
#include "probe/wire/failure.h"

#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *text; /* as given */
	char *name;       /* what people call the VM; safe to show */
	char *shown;      /* the text, safe to show */
	char *owned;      /* the memory of `text`, where it is the target's; or NULL */
	char *path;       /* the hybrid socket; NULL: AF_VSOCK */
	uint32_t cid;
	uint32_t port; /* the agent's, in the guest */
	bool is_again; /* another target leads to the same socket (target_list_unique()) */
};

/*
 * Understand `text`: "vsock:CID", "vsock:CID:PORT", or the path of a hybrid socket. A directory
 * stands for the v.sock in it or in its runtime/. `port` is the agent's where the text names none.
 * The VM's name is that of the directory that the socket is in (or of the one above, where that is
 * called "runtime"). Returns 0 or -EINVAL with `p`; `text` is kept by reference.
 */
int target_parse(struct target *t, const char *text, uint32_t port, struct problem *p);

/* Free what target_parse() allocated. */
void target_free(struct target *t);

/*
 * Begin to connect a new non-blocking, close-on-exec socket. Returns the descriptor in `fd` and 0
 * when it is connected, -EINPROGRESS when it will be; or another -errno and no descriptor: -EAGAIN
 * means that the other side's queue is full and it is worth to try again soon.
 */
int target_connect(const struct target *t, int *fd);

/* Say what a failed connect (errno value `error`) means for this target and what to do about it. */
void target_explain(const struct target *t, int error, struct failure *f);

#endif
