/* SPDX-License-Identifier: MIT */
/* PID 1's own lines on /dev/console. */
#ifndef INIT_CONSOLE_H
#define INIT_CONSOLE_H

#include "base/problem.h"

/* Keep a problem from before there is a console; console_open() prints it. The first few are kept.
 */
void console_keep_problem(const struct problem *p);

/*
 * Send log lines to /dev/console with `prefix`, never blocking, and print what was kept.
 * Descriptors 0, 1 and 2 that the kernel could not open become /dev/null, so that nothing else ever
 * takes these numbers.
 */
void console_open(const char *prefix);

#endif
