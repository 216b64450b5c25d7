/* SPDX-License-Identifier: MIT */
#include "base/clone_sharing.h"

#include <errno.h>
#include <sys/syscall.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

/*
 * clone3(2) with a stack for the child, which calls `run` on it and never returns. Returns the
 * child's process id or -errno, and does not use errno.
 */
#if defined(__x86_64__)
static long clone_on_stack(struct clone_args *args, void (*run)(void *arg), void *arg)
{
	register void (*child_run)(void *) __asm__("r12") = run;
	register void *child_arg __asm__("r13") = arg;
	long result;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"xor %%ebp, %%ebp\n\t"
		"mov %%r13, %%rdi\n\t"
		"call *%%r12\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(child_run), "r"(child_arg)
		: "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static long clone_on_stack(struct clone_args *args, void (*run)(void *arg), void *arg)
{
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);
	register long x8 __asm__("x8") = SYS_clone3;
	register void (*child_run)(void *) __asm__("x19") = run;
	register void *child_arg __asm__("x20") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x20\n\t"
			 "blr x19\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8), "r"(child_run), "r"(child_arg)
			 : "memory");
	return x0;
}
#else
static long clone_on_stack(struct clone_args *args, void (*run)(void *arg), void *arg)
{
	(void)args;
	(void)run;
	(void)arg;
	return -ENOSYS;
}
#endif

long clone_sharing(
	struct clone_args *args, char *stack, int cgroup_fd, void (*run)(void *arg), void *arg)
{
	args->flags |= CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND;
	if (cgroup_fd >= 0) {
		args->flags |= CLONE_INTO_CGROUP;
		args->cgroup = (uint64_t)cgroup_fd;
	}
	args->stack = (uint64_t)(uintptr_t)stack;
	args->stack_size = CLONE_SHARING_STACK;
	ASAN_UNPOISON_MEMORY_REGION(stack, CLONE_SHARING_STACK);
	return clone_on_stack(args, run, arg);
}
