/* SPDX-License-Identifier: MIT */
/* The tiers of system calls that a service may make, as seccomp(2) filters. */
#ifndef SUPERVISOR_SYSCALL_FILTER_H
#define SUPERVISOR_SYSCALL_FILTER_H

#include <linux/filter.h>

/* From the strictest to none. Each refuses all that the next one refuses, and more. */
enum syscall_tier {
	SYSCALL_TIER_ESSENTIAL,    /* one process: no other ones, no sockets, no System V IPC */
	SYSCALL_TIER_MINIMAL,      /* no change of identity, owners, devices or priorities */
	SYSCALL_TIER_STANDARD,     /* no sockets but local ones */
	SYSCALL_TIER_NETWORK,      /* no control over the guest as a whole */
	SYSCALL_TIER_UNRESTRICTED, /* no filter */
};

/*
 * The filter of a tier, or NULL for SYSCALL_TIER_UNRESTRICTED. It is in static storage, built at
 * the first call for its tier. A refused call fails with EPERM, socket(2) of another family with
 * EAFNOSUPPORT, clone3(2) and calls newer than Linux 6.1 with ENOSYS. System calls of another
 * architecture end the process. See seccomp(2).
 */
const struct sock_fprog *syscall_filter(enum syscall_tier tier);

#endif
