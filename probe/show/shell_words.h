/* SPDX-License-Identifier: MIT */
/* Joins words into a line that a POSIX shell splits into the same words again. */
#ifndef PROBE_SHOW_SHELL_WORDS_H
#define PROBE_SHOW_SHELL_WORDS_H

#include <stddef.h>

/*
 * Join `count` words with spaces, quoting those that need it (POSIX.1-2017, XCU 2.2). Both a shell
 * and the agent's own splitter then see exactly these words: no expansion, redirection, assignment
 * or reserved word. The caller frees the result.
 */
char *shell_words_join(char *const *words, size_t count);

#endif
