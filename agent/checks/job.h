/* SPDX-License-Identifier: MIT */
/*
 * Jobs: commands that run in their own session, as another user, with a deadline. Output is read
 * while the command runs. A job ends with its first process: the rest of the output in the pipes is
 * read, and a descendant that keeps a pipe open delays nothing. At the deadline all of its
 * processes are killed: those of its cgroup, or, without cgroups, of its process group. A process
 * in uninterruptible sleep does not end even then: the job reports that with `stuck`, and waits on.
 *
 * Only jobs_reap() waits for processes, and a process is signalled only before it is reaped.
 */
#ifndef AGENT_CHECKS_JOB_H
#define AGENT_CHECKS_JOB_H

#include "agent/checks/capture.h"
#include "agent/checks/job_group.h"
#include "base/loop.h"
#include "base/spawn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum job_end {
	JOB_EXITED,    /* `code` is the exit status */
	JOB_SIGNALED,  /* `code` is the signal */
	JOB_TIMED_OUT, /* killed at its deadline */
	JOB_KILLED,    /* killed by job_kill() */
	JOB_NOT_RUN,   /* the command did not run; `failure` says why */
};

#define JOB_STREAMS 4 /* standard input, output and error, and descriptor 3 */

/* For a job at a terminal. */
struct job_session {
	int terminal_fd; /* standard input, output, error and controlling terminal */
	int cgroup_fd;   /* directory of the cgroup to start in, or -1 */
};

struct job_spec {
	const struct job_session *session; /* or NULL */
	char *const *argv;
	char *const *envp;
	const struct account *user; /* NULL: the agent's identity, as in spawn() */
	uint64_t timeout_ms;        /* 0: none */
	uint64_t stuck_ms;          /* from the deadline to `stuck` */
	size_t out_max;             /* bytes of standard output to keep; 0: /dev/null */
	size_t err_max;             /* bytes of standard error to keep; 0: /dev/null */
	bool err_last;              /* keep the last bytes of standard error, not the first */
	const char *input;          /* standard input, kept by reference; NULL: /dev/null */
	size_t input_len;
	bool may_be_root;      /* the security policy names the user */
	bool has_group;        /* run in its own cgroup if the guest has cgroups */
	bool kill_rest;        /* kill the other processes once the first one ends */
	const char *directory; /* working directory; NULL: "/" */
	const char
		*service; /* for launch.h: run with this service's environment; NULL: the agent's */
	/*
	 * All three streams are pipes that the owner reads and writes itself. Then `started`,
	 * `readable` and `writable` below must be set; the members for captures and input above
	 * are unused.
	 */
	bool is_streamed;
	bool has_control; /* and so is descriptor 3, to which the program writes */
};

/* Shared by all jobs. */
struct jobs {
	struct loop *loop;
	int null_fd; /* /dev/null */
	struct starter starter;
	int group_parent;         /* directory of the agent's cgroup, or -1 */
	uint32_t group_id;        /* of the newest group */
	struct job_group spare;   /* an empty group, for the next job; fd -1: none */
	struct left_group *left;  /* groups of ended jobs that still have processes */
	struct loop_timer remove; /* removes groups whose processes were killed */
	struct job *running;      /* list */
	uint64_t used_us;         /* CPU time of ended jobs */
};

struct job {
	struct jobs *jobs;
	struct job *next;
	pid_t pid; /* 0 when not running */
	int report_fd;
	struct job_group group;
	struct loop_io io[JOB_STREAMS]; /* the agent's ends */
	struct capture out, err;        /* valid until the next start or job_release() */
	const char *input;
	size_t input_left;
	struct loop_timer deadline;
	uint64_t timeout_ms, stuck_ms; /* as in the specification */
	bool timed_out, killed, kill_rest;
	enum job_end end;
	int code;
	struct spawn_failure failure;
	char program[128], path[128];  /* that were asked for; "" when they are longer */
	uint64_t started_ms, ended_ms; /* clock_ms() */
	void (*done)(struct job *job);
	/* Streamed jobs: the program runs, or failed to start and `failure` says why. */
	void (*started)(struct job *job, bool runs);
	/*
	 * Streamed jobs: job_read() can read from stream 1, 2 or 3, or gets its end. Called once
	 * more for each stream at the job's end, for the rest of the output.
	 */
	void (*readable)(struct job *job, int stream);
	void (*writable)(struct job *job); /* streamed jobs: job_write() may take more */
	bool is_streamed, is_ending, has_report, has_failed;
	struct loop_io report; /* watches report_fd */
	/* The job was killed at its deadline but has not ended. `done` follows once it ends. May be
	 * NULL. */
	void (*stuck)(struct job *job);
};

/* Prepare for jobs. This process starts them itself unless `starter` is set. Returns 0, or -errno
 * if /dev/null cannot be opened. */
int jobs_init(struct jobs *jobs, struct loop *loop);

/* Kill all jobs; their `done` is not called. */
void jobs_close(struct jobs *jobs);

/* Prepare a job. `done` is called each time it ends, and may start it again. */
void job_init(struct job *job, struct jobs *jobs, void (*done)(struct job *job));

/* Start a job. Returns 0, or -errno of pipe2(2), starter_program() or clone(2); then `done` is
 * not called. */
int job_start(struct job *job, const struct job_spec *spec);

/* Kill all processes of a running job. `done` is called once it has ended. */
void job_kill(struct job *job);

bool job_is_running(const struct job *job);

/* Send a signal to the process group of a running job. Returns 0 or -errno of kill(2). */
int job_signal(const struct job *job, int signal);

/*
 * Read once from stream 1, 2 or 3 of a streamed job; closes the stream at its end. Returns the
 * number of bytes, 0 at the end or if the stream is closed, or -errno.
 */
ssize_t job_read(struct job *job, int stream, char *out, size_t size);

/* Start or stop watching a stream: 0 for room to write, the others for something to read. */
void job_watch(struct job *job, int stream, bool on);

/*
 * Write to the standard input of a streamed job. Returns the number of bytes written or -errno:
 * -EPIPE if it is closed, by the job or by job_close_input().
 */
ssize_t job_write(struct job *job, const char *bytes, size_t len);

void job_close_input(struct job *job);

/* Free the output of a job that is not running. */
void job_release(struct job *job);

/* On SIGCHLD: reap every process that has ended, and finish its job. */
void jobs_reap(struct jobs *jobs);

#endif
