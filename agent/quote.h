/* SPDX-License-Identifier: MIT */
/* Text of other programs on the console. */
#ifndef AGENT_QUOTE_H
#define AGENT_QUOTE_H

#include <stddef.h>

/*
 * Copy `text` to `out` of `size` bytes (cut to fit, between characters) so that it cannot be taken
 * for something else: hosts search the console for what a crashed kernel prints ("Out of memory"
 * ...), so each such phrase gets an underscore in its middle. Returns `out`.
 */
const char *quote_for_console(const char *text, char *out, size_t size);

#endif
