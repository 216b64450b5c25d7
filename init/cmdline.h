/* SPDX-License-Identifier: MIT */
/* The kernel command line. */
#ifndef INIT_CMDLINE_H
#define INIT_CMDLINE_H

#include "base/problem.h"

#include <stddef.h>

#define CMDLINE_MAX 4096 /* bytes; the kernel's own limit on x86 and arm64 is 2048 */

struct cmdline {
	char text[CMDLINE_MAX]; /* the words, each NUL-terminated */
	size_t len;             /* bytes, the last terminator included */
};

/*
 * Cut `text` into words at white space; double quotes protect white space and are taken away, as
 * the kernel does it (Documentation/admin-guide/kernel-parameters.rst). What does not fit is left
 * out.
 */
void cmdline_parse(struct cmdline *c, const char *text);

/* cmdline_parse() of /proc/cmdline. Returns 0 or -errno with `p`; then the command line is empty.
 */
int cmdline_read(struct cmdline *c, struct problem *p);

/* The value of the last word `name`=value, or NULL when there is none. */
const char *cmdline_value(const struct cmdline *c, const char *name);

#endif
