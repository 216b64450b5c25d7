/* SPDX-License-Identifier: MIT */
/*
 * Actions that need the agent's capabilities: starting a program as another user, signalling it,
 * and opening a terminal for another user. The caller is the starter (starter.h), or a test.
 */
#ifndef AGENT_STARTER_START_H
#define AGENT_STARTER_START_H

#include "base/spawn.h"

#include <stdbool.h>
#include <stdint.h>

/* Settings of all programs, read before the process changes its own. */
struct start_defaults {
	bool spared;     /* the kernel spares this process when memory runs out; programs must not
			    inherit that */
	bool as_sibling; /* programs become children of the caller's parent */
	struct rlimit files; /* RLIMIT_NOFILE */
	uint64_t bounding;   /* capability bounding set */
};

struct start_request {
	char *const *argv;
	char *const *envp;
	const char *directory;      /* NULL: "/" */
	const struct account *user; /* NULL: the agent's own */
	int stdio[3];
	int control_fd;      /* becomes descriptor 3; 0: none */
	int cgroup_fd;       /* directory of the cgroup to start in, or -1 */
	bool takes_terminal; /* stdio[0] becomes the controlling terminal */
	bool dumps_no_core;
};

#define START_LIMITS 2

/* The spawn_request of a start_request, which it points into, as into `limits`. */
void start_describe(const struct start_defaults *d, const struct start_request *q,
	struct spawn_limit limits[START_LIMITS], struct spawn_request *r);

void start_defaults_read(struct start_defaults *d);

/* Start a program: spawn(). Returns 0, or -errno of pipe2(2) or clone(2). */
int start_program(
	const struct start_defaults *d, const struct start_request *r, pid_t *pid, int *report_fd);

/*
 * Signal the process group whose first process is `pid`, or, before that has called setsid(2), the
 * process itself. Returns 0 or -errno of kill(2).
 */
int start_signal(pid_t pid, int signal);

/* Kill all processes of the session of `pid`. */
void start_kill_session(pid_t pid);

/* Kill the processes that a cgroup lists: for kernels before 5.14, which lack cgroup.kill. */
void start_kill_listed(int cgroup_fd);

/*
 * A field of proc_pid_stat(5), counted from the state, which is field 0: 1 is the parent, 3 the
 * session. `proc` is the directory /proc. Returns -1 if there is no such process.
 */
pid_t start_stat_number(int proc, const char *pid, int which);

#endif
