/* SPDX-License-Identifier: MIT */
/*
 * Starting a program. init and the agent have no other way. The child does, in this order:
 *
 *    1. setsid(2), an empty signal mask, default signal dispositions
 *    2. joins the cgroup, if the kernel could not start it inside
 *    3. standard input (on request as controlling terminal), output and error, then the passed
 *       descriptors from 3 up
 *    4. resource limits, nice value, oom_score_adj, umask
 *    5. the `prepare` hook (mounts that need privilege)
 *    6. supplementary groups, gid, capability bounding set, uid, ambient capabilities
 *    7. working directory, with the rights of the new user
 *    8. no_new_privs, then the seccomp filter
 *    9. makes all other descriptors close-on-exec; execve(2), searching PATH of the new
 * environment; a text without "#!" runs through /bin/sh
 *
 * A failed step ends the child before the program runs, and is reported through a close-on-exec
 * pipe as {stage, errno, part}. End of file on that pipe means that the program runs. The caller
 * watches the pipe in its loop: no function here waits for the child.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include "base/account.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Searched for programs when the environment has no PATH. */
#define SPAWN_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define SPAWN_FDS_MAX 16 /* passed descriptors besides the standard ones */

#define SPAWN_EXIT_FAILED 127 /* exit status of a child that could not become the program */

enum spawn_stage {
	SPAWN_SESSION,
	SPAWN_SIGNALS,
	SPAWN_CGROUP,
	SPAWN_STDIO,
	SPAWN_LIMITS,
	SPAWN_NICE,
	SPAWN_OOM_SCORE,
	SPAWN_PREPARE,
	SPAWN_GROUPS,
	SPAWN_GID,
	SPAWN_BOUNDING,
	SPAWN_UID,
	SPAWN_AMBIENT,
	SPAWN_DIRECTORY,
	SPAWN_NO_NEW_PRIVS,
	SPAWN_SECCOMP,
	SPAWN_EXEC,
	SPAWN_STAGES,
};

/* The report of a failed child, small enough for an atomic write to the pipe. */
struct spawn_failure {
	uint32_t stage; /* enum spawn_stage */
	int32_t error;  /* errno value */
	uint32_t part;  /* of SPAWN_PREPARE: set by `prepare` */
};

struct spawn_limit {
	int resource; /* RLIMIT_... */
	struct rlimit value;
};

struct spawn_request {
	char *const *argv;
	char *const *envp;
	int stdio[3];               /* descriptors for 0, 1, 2 */
	bool closes_stdio;          /* launcher_start() owns and closes them */
	bool takes_terminal;        /* stdio[0] becomes the session's controlling terminal */
	const int *fds;             /* passed as 3, 4, ... */
	size_t fd_count;            /* at most SPAWN_FDS_MAX */
	const char *directory;      /* working directory; NULL: "/" */
	const struct account *user; /* NULL: keep the caller's identity and privileges */
	uint64_t bounding;          /* capabilities (bit n = capability n) kept in the bounding set;
				     * dropping one needs CAP_SETPCAP */
	uint64_t ambient;           /* capabilities of a program whose uid is not 0 */
	bool no_new_privs;
	bool as_sibling;  /* the child of the caller's parent, which waits for it: CLONE_PARENT */
	int cgroup_fd;    /* directory of the cgroup-v2 group of the child, or -1 */
	bool join_cgroup; /* the child joins by itself, even if clone3(2) could do it */
	const struct spawn_limit *limits;
	size_t limit_count;
	bool set_nice, set_oom_score, set_umask;
	int nice;      /* -20 ... 19 */
	int oom_score; /* -1000 ... 1000 */
	mode_t umask;
	const struct sock_fprog *seccomp; /* NULL: none */
	/* Runs in the child as root, with only the descriptors of this request; or NULL. Returns 0
	 * or -errno; `part` may name the step that failed. */
	int (*prepare)(const void *arg, uint32_t *part);
	const void *prepare_arg;
};

/* The state of the child before spawn_become(), and the place for a failure. */
struct spawn_child {
	bool in_cgroup;          /* the child was started inside its cgroup */
	bool bounding_dropped;   /* the bounding set already matches the request */
	bool all_close_on_exec;  /* so are all its descriptors */
	bool is_at_root;         /* its working directory is "/" */
	bool loses_capabilities; /* with the uid 0, by setresuid(2) alone */
	uint64_t handled;        /* signals (bit n = signal n + 1) that may not have the default
				  * disposition; only these are reset */
	struct spawn_failure *failure;
};

/*
 * Find out what a child need not do, because the caller's state has it already: fills in
 * `is_at_root`, `loses_capabilities`, and `handled` for a child with CLONE_CLEAR_SIGHAND. It holds
 * as long as the caller does not change these.
 */
void spawn_look_at_caller(struct spawn_child *child);

/*
 * Do steps 1 to 9 in the child: become the program, or return -errno with `failure` filled in.
 * Allocates no memory and takes no lock.
 */
int spawn_become(const struct spawn_request *r, const struct spawn_child *child);

/* End a child that could not become the program. */
void spawn_end_child(void) __attribute__((noreturn));

/* Drop all but `keep` from the calling thread's bounding set. Returns 0 or -errno. */
int spawn_drop_bounding(uint64_t keep);

/*
 * Start the program in a copy of the caller. On success `pid` is the child's. `report_fd` is the
 * read end of its report pipe (close-on-exec, non-blocking), and the caller owns it. Returns 0, or
 * -errno of pipe2(2) or clone(2).
 */
int spawn(const struct spawn_request *r, pid_t *pid, int *report_fd);

/*
 * Read the report pipe. Returns 0 when the program runs (or the child has ended without a report),
 * 1 with `failure` when it failed, -EAGAIN when neither is known yet, or another -errno.
 */
int spawn_report(int report_fd, struct spawn_failure *failure);

/* The value of PATH in an environment, or SPAWN_DEFAULT_PATH. */
const char *spawn_path_of(char *const *envp);

/* Close the open ones of a request's standard descriptors, each once. */
void spawn_close_stdio(const int stdio[3]);

/* The name of a stage, such as "exec" or "supplementary groups". */
const char *spawn_stage_name(uint32_t stage);

/* True if trying again cannot help: the program is absent, not executable, or not a program. */
bool spawn_failure_is_permanent(const struct spawn_failure *failure);

/* Convert a wait(2) status to the exit code, or 128 plus the signal. */
int spawn_exit_code(int wait_status);

#endif
