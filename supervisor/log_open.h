/* SPDX-License-Identifier: MIT */
/* Opening a log file safely: root opens it, and a service may own the directory. */
#ifndef SUPERVISOR_LOG_OPEN_H
#define SUPERVISOR_LOG_OPEN_H

#include "base/problem.h"

#include <sys/types.h>

/*
 * Open a log file for appending, with its directories; a new one gets mode 0640 and `group`.
 * Symbolic links as its last component are refused, so that a service cannot lead root elsewhere.
 * Returns the descriptor, or -errno with `p`.
 */
int log_open_file(const char *path, gid_t group, struct problem *p);

#endif
