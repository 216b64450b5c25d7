/* SPDX-License-Identifier: MIT */
#include "init/sync.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DROP_CACHES "/proc/sys/vm/drop_caches"
#define EXIT_DONE   0

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

__attribute__((noreturn)) static void child(int report)
{
	struct sync_part parts[SYNC_PARTS] = { { .start_us = clock_us() } };

	report = keep_only(report);
	sync();
	parts[0].end_us = parts[1].start_us = clock_us();
	parts[1].error = -file_write(DROP_CACHES, "3", 1);
	parts[1].end_us = clock_us();
	(void)!write(report, parts, sizeof(parts));
	_exit(EXIT_DONE);
}

/* The results, or end of file if the process was killed. */
static void on_report(struct loop_io *io, uint32_t events)
{
	struct sync_work *s = LOOP_OWNER(io, struct sync_work, io);
	int fd = io->fd;

	(void)events;
	if (read(fd, s->parts, sizeof(s->parts)) != (ssize_t)sizeof(s->parts))
		s->parts[0].error = s->parts[1].error = ECANCELED;
	loop_remove(s->loop, io);
	close(fd);
}

void sync_init(struct sync_work *s, struct loop *loop)
{
	*s = (struct sync_work){ .loop = loop, .io.fd = -1 };
}

int sync_begin(struct sync_work *s)
{
	int fds[2], err;
	long pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	s->parts[0].start_us = s->parts[0].end_us = clock_us();
	s->parts[0].error = 0;
	s->parts[1] = s->parts[0];
	err = loop_add(s->loop, &s->io, fds[0], EPOLLIN, on_report);
	pid = err == 0 ? syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : -1;
	if (pid == 0)
		child(fds[1]);
	if (err == 0 && pid < 0) {
		err = -errno;
		loop_remove(s->loop, &s->io);
	}
	close(fds[1]);
	if (err != 0)
		close(fds[0]);
	return err;
}
