/* SPDX-License-Identifier: MIT */
/* The size of an integration's saved state. */
#ifndef AGENT_CHECKS_STATE_SIZE_H
#define AGENT_CHECKS_STATE_SIZE_H

#include <stdint.h>

/*
 * Add up the sizes of all regular files at or below `path`, in bytes. Symbolic links below it are
 * not followed. Unreadable files and directories deeper than 32 levels count as 0. Returns 0, or
 * -errno if stat(2) fails for `path`.
 */
int state_size(const char *path, uint64_t *bytes);

#endif
