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
 * Cut `text` into words at white space. Double quotes protect white space and are removed, as in
 * the kernel (Documentation/admin-guide/kernel-parameters.rst). Words that do not fit are left out.
 */
void cmdline_parse(struct cmdline *c, const char *text);

/* Parse /proc/cmdline. Returns 0, or -errno with `p` and an empty command line. */
int cmdline_read(struct cmdline *c, struct problem *p);

/* The value of the last word `name`=value, or NULL. */
const char *cmdline_value(const struct cmdline *c, const char *name);

#endif
