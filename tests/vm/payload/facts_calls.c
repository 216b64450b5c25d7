/* SPDX-License-Identifier: MIT */
/* The mode of facts.c that makes system calls, with arguments with which they do nothing. */
#include "facts.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLONE3       435
#define OPEN_TREE    428
#define IO_URING     425
#define MOUNT_ATTR   442
#define NEWER_CALL   451
#define INVALID_SIZE 0

/* What root gets of the kernel stands behind each: only EPERM, ENOSYS and families can tell. */
static const struct {
	const char *name;
	long number, args[5];
} calls[] = {
	{ "mount", SYS_mount, { 0 } },                                  /* EFAULT or EINVAL */
	{ "umount2", SYS_umount2, { 0 } },                              /* EFAULT */
	{ "mount_setattr", MOUNT_ATTR, { -1, 0, 0, 0, INVALID_SIZE } }, /* EINVAL */
	{ "open_tree", OPEN_TREE, { -1, 0, -1 } },                      /* EINVAL */
	{ "pivot_root", SYS_pivot_root, { 0 } },                        /* EFAULT */
	{ "reboot", SYS_reboot, { 0 } },                                /* EINVAL */
	{ "swapoff", SYS_swapoff, { 0 } },                              /* EFAULT or ENOSYS */
	{ "sethostname", SYS_sethostname, { 0, -1 } },                  /* EINVAL */
	{ "clock_settime", SYS_clock_settime, { 99, 0 } },              /* EINVAL */
	{ "setns", SYS_setns, { -1, 0 } },                              /* EBADF */
	{ "unshare", SYS_unshare, { CLONE_NEWUTS } },                   /* ok */
	{ "unshare-files", SYS_unshare, { CLONE_FILES } },              /* ok */
	{ "clone3", CLONE3, { 0, INVALID_SIZE } },                      /* EINVAL */
	{ "ptrace", SYS_ptrace, { 2, -1, 0, 0 } },                      /* ESRCH */
	{ "process_vm_readv", SYS_process_vm_readv, { -1, 0 } },        /* ESRCH or ok */
	{ "io_uring_setup", IO_URING, { 0, 0 } },                       /* EFAULT */
	{ "syslog", SYS_syslog, { 10, 0, 0 } },                         /* ok */
#ifdef SYS_iopl
	{ "iopl", SYS_iopl, { 0 } }, /* ok */
#endif
	{ "inet", SYS_socket, { AF_INET, SOCK_DGRAM, 0 } },
	{ "inet6", SYS_socket, { AF_INET6, SOCK_DGRAM, 0 } },
	{ "netlink", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 } },
	{ "vsock", SYS_socket, { 40, SOCK_STREAM, 0 } },
	{ "unix", SYS_socket, { AF_UNIX, SOCK_DGRAM, 0 } },
	{ "setuid", SYS_setuid, { 0 } },                 /* ok */
	{ "setgroups", SYS_setgroups, { 0 } },           /* ok */
	{ "fchown", SYS_fchown, { -1, 0, 0 } },          /* EBADF */
	{ "chroot", SYS_chroot, { 0 } },                 /* EFAULT */
	{ "setpriority", SYS_setpriority, { 0, 0, 0 } }, /* ok */
	{ "shmget", SYS_shmget, { 1, 0, 0 } },           /* ENOENT */
	{ "newer", NEWER_CALL, { 0 } },                  /* ENOSYS */
};

/* A process that ends at once, made by clone(2) with these flags. */
static int try_clone(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

/* calls: every one of them, as "calls: NAME ERROR". */
void mode_calls(char **args)
{
	(void)args;
	fflush(stdout);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const long *a = calls[i].args;
		long r = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4]);

		printf("calls: %s %s\n", calls[i].name, r < 0 ? error_name(errno) : "ok");
		fflush(stdout);
	}
	int error = try_clone(0);
	printf("calls: fork %s\n", error ? error_name(error) : "ok");
	fflush(stdout);
	error = try_clone(CLONE_NEWIPC);
	printf("calls: clone-ipc %s\n", error ? error_name(error) : "ok");
	error = unshare(CLONE_NEWUSER) != 0 ? errno : 0; /* the last: it makes another user of us */
	printf("calls: unshare-user %s\n", error ? error_name(error) : "ok");
	printf("calls-end:\n");
}
