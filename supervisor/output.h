/* SPDX-License-Identifier: MIT */
/* What services write: each line to the console behind the service's name, or all of it to a file.
 */
#ifndef SUPERVISOR_OUTPUT_H
#define SUPERVISOR_OUTPUT_H

#include "base/log.h"
#include "base/loop.h"
#include "base/problem.h"

#include <stddef.h>
#include <sys/types.h>

struct output {
	struct loop_io io; /* read end of the pipe */
	int write_fd;      /* write end, which services get; -1: no pipe yet */
	char *line;        /* LOG_LINE_MAX bytes: the tag and what there is of a line */
	size_t tag_len;    /* bytes of the tag ("web: ") */
	size_t len;        /* bytes used */
};

/*
 * Make the pipe whose lines go to the console with "NAME: " in front. It stays for all starts of
 * the service. Returns 0 or -errno.
 */
int output_open_console(struct output *o, struct loop *loop, const char *name);

/* Take the pipe out of the loop and free everything; what there is of a line is written. */
void output_close(struct output *o, struct loop *loop);

/*
 * Open a log file for appending, with its directories; a new one gets mode 0640 and `group`.
 * Symbolic links as its last component are refused, so that a service cannot lead root elsewhere.
 * Returns the descriptor, or -errno with `p`.
 */
int output_open_file(const char *path, gid_t group, struct problem *p);

#endif
