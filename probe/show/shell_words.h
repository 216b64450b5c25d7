/* SPDX-License-Identifier: MIT */
/* Words into one line that a POSIX shell splits into the same words again. */
#ifndef PROBE_SHOW_SHELL_WORDS_H
#define PROBE_SHOW_SHELL_WORDS_H

#include <stddef.h>

/*
 * Join `count` words with spaces, each quoted where it has to be (POSIX.1-2017, XCU 2.2), so that
 * neither a shell nor the agent's own splitter sees anything but these words: no expansion, no
 * redirection, no assignment, no reserved word. Returns memory for free().
 */
char *shell_words_join(char *const *words, size_t count);

#endif
