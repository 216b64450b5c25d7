/* SPDX-License-Identifier: MIT */
/* Text of other programs on the console. */
#ifndef AGENT_CHECKS_CONSOLE_TEXT_H
#define AGENT_CHECKS_CONSOLE_TEXT_H

#include <stddef.h>

/*
 * Copy `text` to `out` of `size` bytes, cut between characters to fit. Hosts search the console for
 * phrases of a crashed kernel ("Out of memory" ...), so each such phrase gets an underscore in its
 * middle. Returns `out`.
 */
const char *console_text(const char *text, char *out, size_t size);

#endif
