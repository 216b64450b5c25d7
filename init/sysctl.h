/* SPDX-License-Identifier: MIT */
/*
 * Settings of the kernel, made at boot: what a hostile service would use
 * and others do not miss. sysctl.c has the table and its reasons; [sysctl] of mvm-init.ini(5)
 * changes and adds to it. Source of the names: the kernel's Documentation/admin-guide/sysctl.
 */
#ifndef INIT_SYSCTL_H
#define INIT_SYSCTL_H

#include "base/problem.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* A setting that every guest gets. */
struct sysctl_default {
	const char *name, *value, *why;
};

extern const struct sysctl_default sysctl_defaults[];
extern const size_t sysctl_default_count;

/*
 * True if PID 1 is the machine's first process, and not a container's: the kernel's settings and
 * memory are its own to divide (the initial PID namespace has a number of its own in
 * include/linux/proc_ns.h).
 */
bool sysctl_kernel_is_ours(void);

/* True if `name` can name a setting: letters, digits, "_", "-", "." and "/", and no "..". */
bool sysctl_name_is_valid(const char *name);

/*
 * Make every setting of the table that `own` does not name, then those of `own` ("NAME=VALUE").
 * This belongs before the first service: a file that it opens earlier keeps the kernel's old
 * answer. `user_namespaces` leaves user namespaces as the kernel has them. `root` is where the
 * kernel shows the settings: "/proc/sys". A setting of the table that this kernel does not have
 * is skipped in silence; each of `own` that cannot be set is told to `report`. Returns how many
 * were told.
 */
unsigned int sysctl_apply(const char *root, const struct strings *own, bool user_namespaces,
	const struct reporter *report);

#endif
