/* SPDX-License-Identifier: MIT */
#include "init/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A disk that does not answer may hold the child for ever, and with it a copy of each descriptor of
 * PID 1: a closed connection would stay open, an ended service's output without its end. Returns
 * the new number of `fd`, the only one that is left. close_range(2) came with Linux 5.9.
 */
static int keep_only(int fd)
{
	struct rlimit limit;

	if (fd != 0 && dup2(fd, 0) != 0)
		return fd;
	if (syscall(SYS_close_range, 1, ~0u, 0) != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		for (rlim_t i = 1; i < limit.rlim_cur; i++)
			close((int)i);
	return 0;
}

__attribute__((noreturn)) static void child(void (*run)(int report), int report)
{
	run(keep_only(report));
	_exit(0);
}

int helper_start(struct loop *loop, struct loop_io *io,
	void (*ready)(struct loop_io *io, uint32_t events), void (*run)(int report))
{
	int fds[2], err;
	long pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	err = fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0 ? -errno : 0; /* PID 1 must not wait */
	if (err == 0)
		err = loop_add(loop, io, fds[0], EPOLLIN, ready);
	pid = err == 0 ? syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : -1;
	if (pid == 0)
		child(run, fds[1]);
	if (err == 0 && pid < 0) {
		err = -errno;
		loop_remove(loop, io);
	}
	close(fds[1]);
	if (err != 0)
		close(fds[0]);
	return err;
}
