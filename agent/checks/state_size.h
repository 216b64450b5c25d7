/* SPDX-License-Identifier: MIT */
/* How large an integration's saved state is. */
#ifndef AGENT_CHECKS_STATE_SIZE_H
#define AGENT_CHECKS_STATE_SIZE_H

#include <stdint.h>

/*
 * Add up the sizes of the regular files that are `path`, or in and below the directory `path`.
 * Symbolic links below it are not followed, and what cannot be read counts as nothing. Directories
 * deeper than 32 levels are left out. Returns 0, or -errno when `path` cannot be looked at.
 */
int state_size(const char *path, uint64_t *bytes);

#endif
