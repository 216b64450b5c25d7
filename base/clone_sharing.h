/* SPDX-License-Identifier: MIT */
/* A child that shares the caller's memory until its execve(2). */
#ifndef BASE_CLONE_SHARING_H
#define BASE_CLONE_SHARING_H

#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of stack that spawn_become() needs. */
#ifdef __SANITIZE_ADDRESS__
#define CLONE_SHARING_STACK (512 * 1024)
#else
#define CLONE_SHARING_STACK (48 * 1024)
#endif

/* For a thread that makes such children, with their stack on its own. */
#define CLONE_SHARING_THREAD_STACK (CLONE_SHARING_STACK + 32 * 1024)

/* From Linux 5.5; not every C library has it. */
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/*
 * clone3(2) of a child that calls `run` and never returns from it, in the cgroup with this
 * directory unless it is -1. `args` is zero but for what is the caller's own; it gets CLONE_VM,
 * CLONE_VFORK and CLONE_CLEAR_SIGHAND. `stack` is CLONE_SHARING_STACK bytes that nothing else may
 * use. Returns the child's process id or -errno, ENOSYS on an architecture that this file does not
 * know, and does not use errno.
 */
long clone_sharing(
	struct clone_args *args, char *stack, int cgroup_fd, void (*run)(void *arg), void *arg);

#endif
