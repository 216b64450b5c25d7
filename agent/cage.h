/* SPDX-License-Identifier: MIT */
/*
 * The cage of the agent. Before the agent reads a byte from a host, it gives up its capabilities,
 * which the starter keeps, every system call that is not on its list, and, if the kernel has
 * Landlock, all files that it does not need. SECURITY.md has the table.
 */
#ifndef AGENT_CAGE_H
#define AGENT_CAGE_H

#include "agent/state.h"

/*
 * Enter the cage, after the sockets are bound and the signals are blocked. Without a starter the
 * agent starts programs itself, and keeps the rights for that. Logs each feature that the kernel
 * lacks.
 */
void cage_enter(const struct agent_paths *paths, bool has_starter);

#endif
