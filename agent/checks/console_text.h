/* SPDX-License-Identifier: MIT */
/* Text of other programs on the console. */
#ifndef AGENT_CHECKS_CONSOLE_TEXT_H
#define AGENT_CHECKS_CONSOLE_TEXT_H

#include <stddef.h>

/*
 * Copy `text` to `out` of `size` bytes (cut to fit, between characters) so that it cannot be taken
 * for something else: hosts search the console for what a crashed kernel prints ("Out of memory"
 * ...), so each such phrase gets an underscore in its middle. Returns `out`.
 */
const char *console_text(const char *text, char *out, size_t size);

#endif
