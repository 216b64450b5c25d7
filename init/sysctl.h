/* SPDX-License-Identifier: MIT */
/*
 * Kernel settings, made at boot, that take away features which hostile services use and others do
 * not need. sysctl.c has the table with reasons; [sysctl] of mvm-init.ini(5) changes and extends
 * it. Source of the names: the kernel's Documentation/admin-guide/sysctl.
 */
#ifndef INIT_SYSCTL_H
#define INIT_SYSCTL_H

#include "base/problem.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* A setting for every guest. */
struct sysctl_default {
	const char *name, *value, *why;
};

extern const struct sysctl_default sysctl_defaults[];
extern const size_t sysctl_default_count;

/*
 * True if PID 1 runs in the initial PID namespace, not in a container, so that it may change the
 * kernel's settings and divide its memory (include/linux/proc_ns.h has the namespace's number).
 */
bool sysctl_kernel_is_ours(void);

/* True if `name` can name a setting: letters, digits, "_", "-", "." and "/", and no "..". */
bool sysctl_name_is_valid(const char *name);

/*
 * Make every setting of the table that `own` does not name, then those of `own` ("NAME=VALUE").
 * This belongs before the first service: a file that it opens earlier keeps the kernel's old
 * answer. With `user_namespaces`, the kernel's limit on user namespaces stays. `root` is the
 * directory of the settings: "/proc/sys". A setting of the table that this kernel does not have is
 * skipped silently; one of `own` that cannot be set is told to `report`. Returns the number of
 * those told.
 */
unsigned int sysctl_apply(const char *root, const struct strings *own, bool user_namespaces,
	const struct reporter *report);

#endif
