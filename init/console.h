/* SPDX-License-Identifier: MIT */
/* PID 1's own lines on /dev/console. */
#ifndef INIT_CONSOLE_H
#define INIT_CONSOLE_H

#include "base/problem.h"

/* Keeps problems from before there is a console; console_open() prints the first few. */
extern const struct reporter console_early_problems;

/*
 * Send log lines to /dev/console with `prefix`, never blocking, and print what was kept.
 * Descriptors 0, 1 and 2 that the kernel could not open become /dev/null, so that nothing else ever
 * takes these numbers.
 */
void console_open(const char *prefix);

#endif
