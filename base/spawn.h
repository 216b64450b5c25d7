/* SPDX-License-Identifier: MIT */
/*
 * The one way in which init and the agent start programs. In the child, in this order:
 *
 *    1. setsid(2), an empty signal mask, default dispositions
 *    2. the cgroup, where the kernel could not start the child inside it
 *    3. standard input, output and error, the first of them as controlling terminal where asked,
 *       then the passed descriptors from 3 up
 *    4. resource limits, nice value, oom_score_adj, umask
 *    5. the `prepare` hook (mounts that need privilege)
 *    6. supplementary groups, gid, capability bounding set, uid, ambient capabilities
 *    7. working directory, as the user that it is for
 *    8. no_new_privs, then the seccomp filter
 *    9. every other descriptor becomes close-on-exec; execve(2), along PATH of the new environment;
 *       a text without "#!" runs through /bin/sh
 *
 * A step that fails ends the child before the program runs, and comes back through a close-on-exec
 * pipe as {stage, errno, part}; end of file on that pipe means that the program runs. The caller
 * watches the pipe in its loop: nothing here waits for the child.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include "base/account.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Where programs are looked for without a PATH in the environment. */
#define SPAWN_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define SPAWN_FDS_MAX 16 /* descriptors beside standard input, output and error */

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

/* What the child sends when it fails. Its size keeps the write to the pipe atomic. */
struct spawn_failure {
	uint32_t stage; /* enum spawn_stage */
	int32_t error;  /* errno value */
	uint32_t part;  /* of SPAWN_PREPARE: what `prepare` has set */
};

struct spawn_limit {
	int resource; /* RLIMIT_... */
	struct rlimit value;
};

struct spawn_request {
	char *const *argv;
	char *const *envp;
	int stdio[3];               /* descriptors for 0, 1, 2 */
	bool closes_stdio;          /* launcher_start() takes them over, and closes them */
	bool takes_terminal;        /* stdio[0] becomes the session's controlling terminal */
	const int *fds;             /* passed as 3, 4, ... */
	size_t fd_count;            /* SPAWN_FDS_MAX at most */
	const char *directory;      /* working directory; NULL: "/" */
	const struct account *user; /* NULL: the caller's own identity and privileges stay */
	uint64_t bounding; /* capabilities (bit n = capability n) that stay in the bounding set;
			    * to drop one the caller needs CAP_SETPCAP */
	uint64_t ambient;  /* capabilities that the program gets although its uid is not 0 */
	bool no_new_privs;
	int cgroup_fd;    /* directory of the cgroup-v2 group to start in, or -1 */
	bool join_cgroup; /* by the child itself, although the kernel could start it inside */
	const struct spawn_limit *limits;
	size_t limit_count;
	bool set_nice, set_oom_score, set_umask;
	int nice;      /* -20 ... 19 */
	int oom_score; /* -1000 ... 1000 */
	mode_t umask;
	const struct sock_fprog *seccomp; /* NULL: none */
	/* Runs in the child as root, with the descriptors of this request alone, or NULL. Returns 0
	 * or -errno; `part` may say of what. */
	int (*prepare)(const void *arg, uint32_t *part);
	const void *prepare_arg;
};

/* How far the way to spawn_become() has brought the child, and where a failure is noted. */
struct spawn_child {
	bool in_cgroup;        /* it was started inside its cgroup */
	bool bounding_dropped; /* the bounding set is what the request asks for */
	uint64_t handled; /* signals (bit n = signal n + 1) whose disposition is not the default;
			   * only these are reset */
	struct spawn_failure *failure;
};

/*
 * What the child does, steps 1 to 9: becomes the program, or returns -errno with `failure` filled
 * in. It allocates nothing and takes no lock.
 */
int spawn_become(const struct spawn_request *r, const struct spawn_child *child);

/* End a child that has not become the program. */
void spawn_end_child(void) __attribute__((noreturn));

/* Drop from the calling thread's bounding set what is not in `keep`. Returns 0 or -errno. */
int spawn_drop_bounding(uint64_t keep);

/*
 * Start the program in a copy of the caller. On success `pid` is the child's and `report_fd` is the
 * read end of its report pipe (close-on-exec, non-blocking), which the caller owns. Returns 0, or
 * -errno of pipe2(2) or clone(2).
 */
int spawn(const struct spawn_request *r, pid_t *pid, int *report_fd);

/*
 * Read the report pipe. Returns 0 when the program runs (or its child has ended without a word),
 * 1 when it failed and `failure` says how, -EAGAIN when neither is known yet, or another -errno.
 */
int spawn_report(int report_fd, struct spawn_failure *failure);

/* The value of PATH in an environment, or SPAWN_DEFAULT_PATH. */
const char *spawn_path_of(char *const *envp);

/* Close what is open of a request's standard descriptors, each once. */
void spawn_close_stdio(const int stdio[3]);

/* A stage in words, such as "exec" or "supplementary groups". */
const char *spawn_stage_name(uint32_t stage);

/* True if trying again cannot help: the program is absent, not executable, or not a program. */
bool spawn_failure_is_permanent(const struct spawn_failure *failure);

/* wait status as one number: the exit code, or 128 plus the signal. */
int spawn_exit_code(int wait_status);

#endif
