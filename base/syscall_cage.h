/* SPDX-License-Identifier: MIT */
/*
 * An allow-list of system calls for a program of this project, seccomp(2). Any other call fails
 * with EPERM, and is logged once: the program can go on without a call that it does not need. The
 * filters of services are in supervisor/syscall_filter.h.
 */
#ifndef BASE_SYSCALL_CAGE_H
#define BASE_SYSCALL_CAGE_H

#include <stddef.h>
#include <stdint.h>

/* 0 in programs that are built with a sanitizer, which makes calls of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define SYSCALL_CAGE_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SYSCALL_CAGE_WORKS 0
#endif
#endif
#ifndef SYSCALL_CAGE_WORKS
#define SYSCALL_CAGE_WORKS 1
#endif

enum syscall_cage_kind {
	SYSCALL_CAGE_ANY,          /* with any arguments */
	SYSCALL_CAGE_NOT_RUNNABLE, /* the third argument is without PROT_EXEC */
	SYSCALL_CAGE_SOCKET,       /* the first argument is AF_VSOCK, AF_INET or AF_INET6 */
	SYSCALL_CAGE_WINDOW,       /* the second argument is an ioctl(2) about a window's size */
};

struct syscall_cage_rule {
	uint16_t number;
	uint8_t kind; /* enum syscall_cage_kind */
};

#define SYSCALL_CAGE_MAX 120 /* rules */

/*
 * Let the calling process, which must have one thread, make only these calls; sets no_new_privs.
 * `who` begins the log's lines. Cannot be undone. Returns 0, or -errno of prctl(2): ENOSYS or
 * EINVAL if the kernel has no filters.
 */
int syscall_cage_enter(const char *who, const struct syscall_cage_rule *rules, size_t count);

#endif
