/* SPDX-License-Identifier: MIT */
/*
 * Jobs: commands that the agent runs for a while, each in its own session, as another user, with a
 * deadline. Output is read while the command runs. A job ends when its first process does: what
 * that process has left in the pipes is taken, and a descendant that keeps a pipe open holds
 * nothing up. At the deadline the whole process group is killed. A process that waits for a disk
 * does not end even then: a job says so, and goes on.
 *
 * There is one waiter, jobs_reap(), and a process is signalled only before it has been reaped.
 */
#ifndef AGENT_CHECKS_JOB_H
#define AGENT_CHECKS_JOB_H

#include "agent/checks/capture.h"
#include "base/account.h"
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
	JOB_NOT_RUN,   /* `failure` says why the command did not run */
};

/* A job at a terminal. */
struct job_session {
	int terminal_fd; /* its standard input, output and error, and controlling terminal */
	int cgroup_fd;   /* directory of the cgroup to start in, or -1 */
};

struct job_spec {
	const struct job_session *session; /* or NULL */
	char *const *argv;
	char *const *envp;
	const struct account *user; /* as spawn(): NULL keeps the agent's identity */
	uint64_t timeout_ms;        /* 0: none */
	uint64_t stuck_ms;          /* from the deadline to `stuck` */
	size_t out_max;             /* bytes of standard output to keep; 0: /dev/null */
	size_t err_max;             /* bytes of standard error to keep; 0: /dev/null */
	bool err_last;              /* keep the last bytes of standard error, not the first */
	const char *input;          /* standard input, kept by reference; NULL: /dev/null */
	size_t input_len;
	bool kill_rest; /* kill what is left of the process group when the first process ends */
	const char *directory; /* working directory; NULL: "/" */
	const char *service;   /* for launch.h: whose environment it gets; NULL: the agent's */
	/*
	 * All three streams are pipes that the owner reads and writes itself: `started`, `readable`
	 * and `writable` below are set, and the members above for captures and input unused.
	 */
	bool is_streamed;
};

/* What all jobs share. */
struct jobs {
	struct loop *loop;
	int null_fd;         /* /dev/null */
	bool spared;         /* by the kernel when memory runs out, which is not for commands */
	struct rlimit files; /* RLIMIT_NOFILE that commands get */
	uint64_t bounding;   /* capability bounding set that commands get */
	struct job *running; /* list */
	uint64_t used_us;    /* CPU time of the jobs that have ended */
};

struct job {
	struct jobs *jobs;
	struct job *next;
	pid_t pid; /* 0 when not running */
	int report_fd;
	struct loop_io io[3];    /* the agent's ends of standard input, output and error */
	struct capture out, err; /* valid until the next start or job_release() */
	const char *input;
	size_t input_left;
	struct loop_timer deadline;
	uint64_t timeout_ms, stuck_ms; /* as in the specification */
	bool timed_out, killed, kill_rest;
	enum job_end end;
	int code;
	struct spawn_failure failure;
	uint64_t started_ms, ended_ms; /* clock_ms() */
	void (*done)(struct job *job);
	/* Of a streamed job. Its program runs, or could not, and `failure` says why. */
	void (*started)(struct job *job, bool runs);
	/* There is something to read from stream 1 or 2, or its end; job_read() takes it. At the
	 * job's end it is called once more for each, for what is left. */
	void (*readable)(struct job *job, int stream);
	void (*writable)(struct job *job); /* job_write() may take more */
	bool is_streamed, is_ending, has_report, has_failed;
	struct loop_io report; /* watches report_fd */
	/* NULL, or: its time is over, and it was killed, but it has not ended. `done` follows when
	 * it does. */
	void (*stuck)(struct job *job);
};

/* Prepare for jobs. Returns 0, or -errno when there is no /dev/null. */
int jobs_init(struct jobs *jobs, struct loop *loop);

/* Kill all jobs; their `done` is not called. */
void jobs_close(struct jobs *jobs);

/* Prepare a job that will call `done` each time that it ends. It may start itself again there. */
void job_init(struct job *job, struct jobs *jobs, void (*done)(struct job *job));

/* Start it. Returns 0, or -errno of pipe2(2) or clone(2), and then `done` is not called. */
int job_start(struct job *job, const struct job_spec *spec);

/* Kill the process group of a running job. `done` is called when it has ended. */
void job_kill(struct job *job);

bool job_is_running(const struct job *job);

/* Send a signal to the process group of a running job. Returns 0 or -errno of kill(2). */
int job_signal(const struct job *job, int signal);

/* Read once from stream 1 or 2 of a streamed job, which is closed at its end. Returns the number of
 * bytes, 0 at the end or when it was closed, or -errno. */
ssize_t job_read(struct job *job, int stream, char *out, size_t size);

/* Watch a stream, or leave it for now: 0 for room to write, 1 and 2 for something to read. */
void job_watch(struct job *job, int stream, bool on);

/* Write to the standard input of a streamed job. Returns the number of bytes taken or -errno:
 * -EPIPE when it is closed, by the job or by job_close_input(). */
ssize_t job_write(struct job *job, const char *bytes, size_t len);

void job_close_input(struct job *job);

/* Free the output of a job that does not run. */
void job_release(struct job *job);

/* Reap every process that has ended (on SIGCHLD), and finish its job. */
void jobs_reap(struct jobs *jobs);

#endif
