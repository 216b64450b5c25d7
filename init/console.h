/* SPDX-License-Identifier: MIT */
/* PID 1's own lines on /dev/console. */
#ifndef INIT_CONSOLE_H
#define INIT_CONSOLE_H

#include "base/problem.h"

/* Keeps the first few problems until console_open() can print them. */
extern const struct reporter console_early_problems;

/*
 * Send log lines to /dev/console with `prefix`, never blocking, and print the kept problems. If the
 * kernel could not open descriptors 0, 1 and 2, they become /dev/null, so that no other file takes
 * these numbers.
 */
void console_open(const char *prefix);

#endif
