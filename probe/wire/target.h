/* SPDX-License-Identifier: MIT */
/* The address of an agent: a VMM's hybrid Unix socket, or an AF_VSOCK address. */
#ifndef PROBE_WIRE_TARGET_H
#define PROBE_WIRE_TARGET_H

#include "base/problem.h"
#include "probe/wire/failure.h"

#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *text; /* as given */
	char *name;       /* the VM's name; safe to show */
	char *shown;      /* `text` in a form that is safe to show */
	char *owned;      /* memory of `text` if the target owns it; or NULL */
	char *path;       /* the hybrid socket; NULL: AF_VSOCK */
	uint32_t cid;
	uint32_t port; /* of the agent, in the guest */
	bool is_again; /* a duplicate of an earlier target (target_list_unique()) */
};

/*
 * Parse `text`: "vsock:CID", "vsock:CID:PORT", or the path of a hybrid socket. A directory stands
 * for the v.sock in it or in its runtime/. `port` is used if the text has none. The VM's name is
 * that of the socket's directory, or of its parent if the directory is "runtime". Keeps `text` by
 * reference. Returns 0 or -EINVAL with `p`.
 */
int target_parse(struct target *t, const char *text, uint32_t port, struct problem *p);

/* Free what target_parse() allocated. */
void target_free(struct target *t);

/*
 * Start to connect a new non-blocking, close-on-exec socket, which is returned in `fd`. Returns 0
 * if it is connected, -EINPROGRESS if it will be. On any other -errno there is no descriptor;
 * -EAGAIN means that the peer's queue is full: try again soon.
 */
int target_connect(const struct target *t, int *fd);

/* Explain a failed connect (errno value `error`) to this target, and what to do about it. */
void target_explain(const struct target *t, int error, struct failure *f);

#endif
