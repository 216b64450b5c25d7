/* SPDX-License-Identifier: MIT */
/*
 * What the agent gives up before it reads a byte of the host's: its capabilities, which the starter
 * keeps; every system call that is not on its list; and, where the kernel has Landlock, files that
 * are not its business. SECURITY.md has the table.
 */
#ifndef AGENT_CAGE_H
#define AGENT_CAGE_H

#include "agent/state.h"

/*
 * Enter the cage; sockets are bound and signals taken over by now. Without a starter the agent does
 * all by itself, and keeps what it needs for that. What the kernel does not have is logged.
 */
void cage_enter(const struct agent_paths *paths, bool has_starter);

#endif
