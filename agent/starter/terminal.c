/* SPDX-License-Identifier: MIT */
#include "agent/starter/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/*
 * devpts gives the terminal's file to the filesystem uid of the process that opens ptmx, and the
 * agent has no right to chown files. So the agent changes its filesystem uid for the open. That
 * makes the process undumpable (prctl(2)), which would take away the agent's own files in /proc, so
 * the agent becomes dumpable again.
 */
static int open_master(uid_t uid)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), fd, err;

	setfsuid(uid);
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	err = -errno;
	setfsuid(geteuid());
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return fd < 0 ? err : fd;
}

int terminal_resize(int master, uint16_t cols, uint16_t rows)
{
	struct winsize size = { .ws_col = cols, .ws_row = rows };

	return ioctl(master, TIOCSWINSZ, &size) != 0 ? -errno : 0;
}

int terminal_open(struct terminal *t, uid_t uid, uint16_t cols, uint16_t rows, struct problem *p)
{
	int locked = 0, err;

	t->master = open_master(uid);
	if (t->master < 0)
		return problem_set(p, -t->master, "/dev/ptmx");
	err = terminal_resize(t->master, cols, rows);
	if (err == 0 && ioctl(t->master, TIOCSPTLCK, &locked) != 0)
		err = -errno;
	/* The file belongs to the user, so the agent may not open it by its path. */
	t->slave = err == 0 ? ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	if (t->slave >= 0)
		return 0;
	if (err == 0)
		err = -errno;
	close(t->master);
	return problem_set(p, -err, "pseudo-terminal");
}
