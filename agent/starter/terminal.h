/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals (pty(7)), owned by the user of the session. */
#ifndef AGENT_STARTER_TERMINAL_H
#define AGENT_STARTER_TERMINAL_H

#include "base/problem.h"

#include <stdint.h>
#include <sys/types.h>

struct terminal {
	int master; /* non-blocking, close-on-exec */
	int slave;  /* close-on-exec */
};

/*
 * Open a pseudo-terminal of this size in characters. `uid` owns its file in /dev/pts. Returns 0, or
 * -errno with `p`.
 */
int terminal_open(struct terminal *t, uid_t uid, uint16_t cols, uint16_t rows, struct problem *p);

/* Set the size; foreground processes get SIGWINCH. Returns 0 or -errno. */
int terminal_resize(int master, uint16_t cols, uint16_t rows);

#endif
