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
 * Before the first service starts: shut user namespaces, unless `user_namespaces` leaves them as
 * the kernel has them, and make the settings of `own` ("NAME=VALUE"). `root` is where the kernel
 * shows them: "/proc/sys". Each of `own` that cannot be set is told to `report`. Returns how many
 * were told.
 */
unsigned int sysctl_apply_first(const char *root, const struct strings *own, bool user_namespaces,
	const struct reporter *report);

/*
 * A moment later, because services need not wait for it: make the rest of the table but what `own`
 * names. What this kernel does not have is left out in silence.
 */
void sysctl_apply_rest(const char *root, const struct strings *own);

#endif
