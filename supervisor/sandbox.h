/* SPDX-License-Identifier: MIT */
/* A service's own view of the guest's files: a mount namespace. */
#ifndef SUPERVISOR_SANDBOX_H
#define SUPERVISOR_SANDBOX_H

#include "base/strings.h"

#include <stdbool.h>
#include <stdint.h>

struct sandbox {
	bool private_tmp;
	struct strings read_only; /* absolute paths; with '-' in front, one may be absent */
};

/* True if the service needs a namespace. */
bool sandbox_is_needed(const struct sandbox *s);

/*
 * For spawn_request's `prepare`; `arg` is a struct sandbox. Leaves the guest's mount namespace,
 * makes the paths read-only with all that is mounted below them, then mounts a fresh tmpfs on /tmp
 * and /var/tmp. Later mounts of the guest appear in the namespace; its own do not appear in the
 * guest. Returns 0 or -errno, and in `part` the step that failed, for sandbox_part().
 */
int sandbox_enter(const void *arg, uint32_t *part);

/* The path that a part of sandbox_enter() is about, or NULL for the namespace itself. */
const char *sandbox_part(const struct sandbox *s, uint32_t part);

#endif
