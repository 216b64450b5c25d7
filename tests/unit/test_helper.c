/* SPDX-License-Identifier: MIT */
#include "base/loop.h"
#include "init/helper.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH_FD 900
#define FDS     1024

struct seen {
	int count, highest;
};

static struct loop loop;
static struct loop_io io;
static struct seen seen;
static bool is_read;

/* In the helper, which is a copy of a process with threads: no memory is allocated. */
static void look(int report)
{
	struct seen s = { 0 };

	for (int fd = 0; fd < FDS; fd++)
		if (fd != report && fcntl(fd, F_GETFD) >= 0) {
			s.count++;
			s.highest = fd;
		}
	(void)!write(report, &s, sizeof(s));
}

static void take_report(struct loop_io *from, uint32_t events)
{
	int fd = from->fd;

	(void)events;
	is_read = read(fd, &seen, sizeof(seen)) == (ssize_t)sizeof(seen);
	loop_remove(&loop, from);
	close(fd);
}

/*
 * A disk may hold the process that syncs for a snapshot for ever. A copy of a descriptor of PID 1
 * in it would keep a closed connection open, and an ended service's output without its end.
 */
Test(helper, holds_nothing_of_its_parent, .timeout = 20)
{
	int pair[2], status;

	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(dup2(pair[0], HIGH_FD), HIGH_FD);
	cr_assert_eq(helper_start(&loop, &io, take_report, look), 0);
	while (!is_read)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_eq(seen.count, 0, "%d descriptors, up to %d", seen.count, seen.highest);
	cr_assert_gt(wait(&status), 0);
	cr_expect_eq(status, 0);
	close(HIGH_FD);
	close(pair[0]);
	close(pair[1]);
	loop_close(&loop);
}
