/* SPDX-License-Identifier: MIT */
#include "agent/checks/job.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_MAX                                                                                  \
	(1024 * 1024) /* most bytes read from a pipe after the end: a pipe's largest size */

#define REMOVE_MS    20 /* between attempts to remove the cgroup of killed processes */
#define REMOVE_TIMES 250

/* The cgroup of an ended job, which still has processes. */
struct left_group {
	struct left_group *next;
	struct job_group group;
	unsigned int tries; /* left for the timer; 0: the processes were not killed */
};

static void remove_due(struct loop_timer *timer);

int jobs_init(struct jobs *jobs, struct loop *loop)
{
	*jobs = (struct jobs){ .loop = loop, .spare.fd = -1, .remove.expire = remove_due };
	starter_none(&jobs->starter);
	jobs->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (jobs->null_fd < 0)
		return -errno;
	jobs->group_parent = job_group_open_parent();
	return 0;
}

void job_init(struct job *job, struct jobs *jobs, void (*done)(struct job *job))
{
	*job = (struct job){ .jobs = jobs, .done = done, .report_fd = -1, .group.fd = -1 };
	for (int i = 0; i < JOB_STREAMS; i++)
		job->io[i].fd = -1;
}

bool job_is_running(const struct job *job)
{
	return job->pid > 0;
}

void job_release(struct job *job)
{
	capture_free(&job->out);
	capture_free(&job->err);
}

/* ---- pipes ----------------------------------------------------------------------------------- */

static void close_io(struct job *job, struct loop_io *io)
{
	int fd = io->fd;

	loop_remove(job->jobs->loop, io);
	if (fd >= 0)
		close(fd);
}

/* As capture_read(). Closes the pipe at its end and on errors. */
static ssize_t read_output(struct job *job, struct loop_io *io, struct capture *c)
{
	ssize_t n = capture_read(c, io->fd);

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		close_io(job, io);
	return n;
}

static void stream_ready(struct job *job, int stream)
{
	if (job->is_streamed)
		job->readable(job, stream);
	else
		read_output(job, &job->io[stream], stream == 1 ? &job->out : &job->err);
}

static void in_ready(struct loop_io *io, uint32_t events)
{
	struct job *job = LOOP_OWNER(io, struct job, io[0]);
	ssize_t n;

	(void)events;
	if (job->is_streamed) {
		job->writable(job);
		return;
	}
	n = write(io->fd, job->input, job->input_left);
	if (n > 0) {
		job->input += n;
		job->input_left -= (size_t)n;
	}
	/* A command may ignore the rest of its input; that is not an error. */
	if (job->input_left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_io(job, io);
}

static void out_ready(struct loop_io *io, uint32_t events)
{
	struct job *job = LOOP_OWNER(io, struct job, io[1]);

	(void)events;
	stream_ready(job, 1);
}

static void err_ready(struct loop_io *io, uint32_t events)
{
	struct job *job = LOOP_OWNER(io, struct job, io[2]);

	(void)events;
	stream_ready(job, 2);
}

static void control_ready(struct loop_io *io, uint32_t events)
{
	struct job *job = LOOP_OWNER(io, struct job, io[3]);

	(void)events;
	stream_ready(job, 3);
}

/* The streams: the agent's end of the pipe, and how the loop watches that end. */
static const struct {
	int ours; /* 0: the agent reads, 1: it writes */
	uint32_t events;
	void (*ready)(struct loop_io *io, uint32_t events);
} streams[JOB_STREAMS] = {
	{ 1, EPOLLOUT, in_ready },
	{ 0, EPOLLIN, out_ready },
	{ 0, EPOLLIN, err_ready },
	{ 0, EPOLLIN, control_ready },
};

static void close_all(const int fds[JOB_STREAMS], int keep)
{
	for (int i = 0; i < JOB_STREAMS; i++)
		if (fds[i] >= 0 && fds[i] != keep)
			close(fds[i]);
}

/* Create the wanted pipes. Only the agent's ends are non-blocking. */
static int make_pipes(
	const bool wanted[JOB_STREAMS], int ours[JOB_STREAMS], int theirs[JOB_STREAMS])
{
	for (int i = 0; i < JOB_STREAMS; i++) {
		int ends[2];

		if (!wanted[i])
			continue;
		if (pipe2(ends, O_CLOEXEC) != 0)
			return -errno;
		ours[i] = ends[streams[i].ours];
		theirs[i] = ends[!streams[i].ours];
		if (fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
			return -errno;
	}
	return 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

static void job_expired(struct loop_timer *timer)
{
	struct job *job = LOOP_OWNER(timer, struct job, deadline);

	if (job->timed_out) {
		job->stuck(job);
		return;
	}
	job_kill(job);
	job->timed_out = true;
	if (job->stuck != NULL)
		loop_timer_set(job->jobs->loop, &job->deadline, clock_ms() + job->stuck_ms);
}

/* For words about a program that does not run; what does not fit has none. */
static void keep_text(char *out, size_t size, const char *text)
{
	buf_format(out, size, "%s", strlen(text) < size ? text : "");
}

static void prepare(struct job *job, const struct job_spec *spec)
{
	job_release(job);
	keep_text(job->program, sizeof(job->program), spec->argv[0]);
	keep_text(job->path, sizeof(job->path), spawn_path_of(spec->envp));
	job->out.max = spec->out_max;
	job->err.max = spec->err_max;
	job->err.keep_last = spec->err_last;
	job->input = spec->input;
	job->input_left = spec->input_len;
	job->kill_rest = spec->kill_rest;
	job->is_streamed = spec->is_streamed;
	job->is_ending = job->has_report = job->has_failed = false;
	job->timeout_ms = spec->timeout_ms;
	job->stuck_ms = spec->stuck_ms;
	job->timed_out = job->killed = false;
	job->deadline.expire = job_expired;
	job->started_ms = clock_ms();
}

/* Take the spare group, or make one. Returns 0 or -errno. */
static int open_group(struct job *job)
{
	struct jobs *jobs = job->jobs;

	if (jobs->spare.fd >= 0) {
		bool is_there = job_group_is_empty(&jobs->spare);

		job->group = jobs->spare;
		jobs->spare.fd = -1;
		if (is_there)
			return 0;
		if (!job_group_remove(&job->group)) /* somebody has removed or changed it */
			job_group_close(&job->group);
	}
	return job_group_open(&job->group, jobs->group_parent, "job", ++jobs->group_id);
}

static int run(struct job *job, const struct job_spec *spec, const int fds[JOB_STREAMS])
{
	const struct job_session *session = spec->session;
	struct jobs *jobs = job->jobs;
	struct start_request r = {
		.argv = spec->argv,
		.envp = spec->envp,
		.directory = spec->directory,
		.user = spec->user,
		.stdio = { session != NULL ? session->terminal_fd : fds[0],
			session != NULL ? session->terminal_fd : fds[1],
			session != NULL ? session->terminal_fd : fds[2] },
		.control_fd = spec->has_control ? fds[3] : 0,
		.cgroup_fd = session != NULL ? session->cgroup_fd : -1,
		.takes_terminal = session != NULL,
		.dumps_no_core = spec->is_streamed,
	};
	int err;

	if (spec->has_group && open_group(job) == 0)
		r.cgroup_fd = job->group.fd;
	err = starter_program(&jobs->starter, &r, &job->pid, &job->report_fd);
	if (err != 0)
		job_group_remove(&job->group);
	return err;
}

static void take_report(struct job *job)
{
	if (job->has_report)
		return;
	job->has_report = true;
	job->has_failed = spawn_report(job->report_fd, &job->failure) == 1;
	loop_remove(job->jobs->loop, &job->report);
	if (job->started != NULL)
		job->started(job, !job->has_failed);
}

static void on_report(struct loop_io *io, uint32_t events)
{
	(void)events;
	take_report(LOOP_OWNER(io, struct job, report));
}

/* Watch the pipes, the deadline and the end of a started command. */
static void watch(struct job *job, const int fds[JOB_STREAMS])
{
	struct jobs *jobs = job->jobs;

	job->next = jobs->running;
	jobs->running = job;
	for (int i = 0; i < JOB_STREAMS; i++)
		if (fds[i] >= 0 && loop_add(jobs->loop, &job->io[i], fds[i], streams[i].events,
					   streams[i].ready) != 0)
			close(fds[i]);
	if (job->is_streamed) {
		loop_change(jobs->loop, &job->io[0], 0);
		job->report.fd = -1;
		(void)loop_add(jobs->loop, &job->report, job->report_fd, EPOLLIN, on_report);
	}
	if (job->timeout_ms > 0)
		loop_timer_set(jobs->loop, &job->deadline, job->started_ms + job->timeout_ms);
}

int job_start(struct job *job, const struct job_spec *spec)
{
	const bool wanted[JOB_STREAMS] = { spec->is_streamed || spec->input != NULL,
		spec->is_streamed || spec->out_max > 0, spec->is_streamed || spec->err_max > 0,
		spec->has_control };
	const int null = job->jobs->null_fd;
	int ours[JOB_STREAMS] = { -1, -1, -1, -1 };
	int theirs[JOB_STREAMS] = { null, null, null, null };
	int err;

	prepare(job, spec);
	err = make_pipes(wanted, ours, theirs);
	if (err == 0)
		err = run(job, spec, theirs);
	close_all(theirs, null);
	if (err != 0) {
		close_all(ours, -1);
		job->pid = 0;
		return err;
	}
	watch(job, ours);
	return 0;
}

/* ---- streams of the owner's --------------------------------------------------------------------
 */

ssize_t job_read(struct job *job, int stream, char *out, size_t size)
{
	ssize_t n;

	if (job->io[stream].fd < 0)
		return 0;
	n = read(job->io[stream].fd, out, size);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -errno;
	if (n <= 0)
		close_io(job, &job->io[stream]);
	return n < 0 ? 0 : n;
}

void job_watch(struct job *job, int stream, bool on)
{
	if (job->io[stream].fd >= 0)
		loop_change(job->jobs->loop, &job->io[stream], on ? streams[stream].events : 0);
}

ssize_t job_write(struct job *job, const char *bytes, size_t len)
{
	ssize_t n;

	if (job->io[0].fd < 0)
		return -EPIPE;
	n = write(job->io[0].fd, bytes, len);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	close_io(job, &job->io[0]);
	return -EPIPE;
}

void job_close_input(struct job *job)
{
	if (job->io[0].fd >= 0)
		close_io(job, &job->io[0]);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/*
 * The first process is not reaped yet, so no other process can have its number, which is also the
 * group's.
 */
static void kill_group(const struct job *job)
{
	const struct starter *starter = &job->jobs->starter;

	if (job->group.fd >= 0)
		job_group_kill(&job->group, starter, job->pid);
	/* Also reaches a process that is not yet in its cgroup. */
	starter_signal(starter, job->pid, SIGKILL);
}

/*
 * Keep the group of a job whose processes have all ended for the next job, or remove it: making and
 * removing one costs as much as a small program does. False if it still has processes.
 */
static bool put_group_away(struct job *job)
{
	struct jobs *jobs = job->jobs;

	if (jobs->spare.fd >= 0 || job->killed || !job_group_is_empty(&job->group))
		return job_group_remove(&job->group);
	jobs->spare = job->group;
	job->group.fd = -1;
	return true;
}

/* The first process has ended; usually it was the only one. */
static void kill_rest(struct job *job)
{
	if (job->group.fd < 0)
		starter_signal(&job->jobs->starter, job->pid, SIGKILL);
	else if (!put_group_away(job))
		job_group_kill(&job->group, &job->jobs->starter, job->pid);
}

/* Remove all groups without processes; `timed`: called by the timer. */
static void remove_left(struct jobs *jobs, bool timed)
{
	bool again = false;

	for (struct left_group **at = &jobs->left, *left; (left = *at) != NULL;) {
		if (job_group_remove(&left->group)) {
			*at = left->next;
			free(left);
			continue;
		}
		left->tries -= timed && left->tries > 0;
		again |= left->tries > 0;
		at = &left->next;
	}
	if (again)
		loop_timer_set(jobs->loop, &jobs->remove, clock_ms() + REMOVE_MS);
}

static void remove_due(struct loop_timer *timer)
{
	remove_left(LOOP_OWNER(timer, struct jobs, remove), true);
}

/* Remove the job's group now, or once its processes have ended. */
static void leave_group(struct job *job)
{
	struct jobs *jobs = job->jobs;
	struct left_group *left;

	if (!put_group_away(job)) {
		left = malloc(sizeof(*left));
		if (left == NULL) {
			job_group_close(&job->group);
		} else {
			*left = (struct left_group){ .next = jobs->left,
				.group = job->group,
				.tries = job->kill_rest || job->killed ? REMOVE_TIMES : 0 };
			jobs->left = left;
		}
		job->group.fd = -1;
	}
	if (jobs->left != NULL)
		remove_left(jobs, false);
}

int job_signal(const struct job *job, int signal)
{
	if (job->pid <= 0)
		return -ESRCH;
	return starter_signal(&job->jobs->starter, job->pid, signal);
}

void job_kill(struct job *job)
{
	if (job->pid <= 0)
		return;
	job->killed = true;
	kill_group(job);
}

/* Read what is in the pipe now, and stop: a descendant may write for ever. */
static void drain(struct job *job, struct loop_io *io, struct capture *c)
{
	ssize_t n = 1;

	for (size_t total = 0; io->fd >= 0 && n > 0 && total < DRAIN_MAX; total += (size_t)n)
		n = read_output(job, io, c);
}

static void take_end(struct job *job, int status)
{
	job->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	if (job->is_streamed)
		take_report(job);
	else
		job->has_failed = spawn_report(job->report_fd, &job->failure) == 1;
	if (job->has_failed)
		job->end = JOB_NOT_RUN;
	else if (job->timed_out)
		job->end = JOB_TIMED_OUT;
	else if (job->killed)
		job->end = JOB_KILLED;
	else
		job->end = WIFEXITED(status) ? JOB_EXITED : JOB_SIGNALED;
}

/* Stop watching a job. */
static void unwatch(struct job *job)
{
	struct job **link = &job->jobs->running;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	for (int i = 0; i < JOB_STREAMS; i++)
		close_io(job, &job->io[i]);
	if (job->is_streamed && !job->has_report)
		loop_remove(job->jobs->loop, &job->report);
	close(job->report_fd);
	job->report_fd = -1;
	loop_timer_clear(job->jobs->loop, &job->deadline);
	job->pid = 0;
}

static uint64_t timeval_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

/* Called when the first process has ended and is not reaped yet. */
static int finish(struct job *job)
{
	struct rusage used;
	int status;

	if (job->kill_rest)
		kill_rest(job);
	job->is_ending = true;
	if (job->is_streamed) {
		for (int i = 1; i < JOB_STREAMS; i++)
			job->readable(job, i);
	} else {
		drain(job, &job->io[1], &job->out);
		drain(job, &job->io[2], &job->err);
	}
	if (wait4(job->pid, &status, WNOHANG, &used) != job->pid)
		return -ECHILD;
	job->jobs->used_us += timeval_us(&used.ru_utime) + timeval_us(&used.ru_stime);
	job->ended_ms = clock_ms();
	take_end(job, status);
	unwatch(job);
	leave_group(job);
	job->done(job);
	return 0;
}

static struct job *find(const struct jobs *jobs, pid_t pid)
{
	struct job *job = jobs->running;

	while (job != NULL && job->pid != pid)
		job = job->next;
	return job;
}

void jobs_reap(struct jobs *jobs)
{
	for (;;) {
		siginfo_t info = { 0 };
		struct job *job;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		job = find(jobs, info.si_pid);
		if (job != NULL ? finish(job) != 0
				: waitpid(info.si_pid, NULL, WNOHANG) != info.si_pid)
			return;
	}
}

void jobs_close(struct jobs *jobs)
{
	while (jobs->running != NULL) {
		struct job *job = jobs->running;

		kill_group(job);
		unwatch(job);
		leave_group(job);
		job_release(job);
	}
	while (jobs->left != NULL) {
		struct left_group *left = jobs->left;

		jobs->left = left->next;
		job_group_close(&left->group);
		free(left);
	}
	job_group_remove(&jobs->spare);
	loop_timer_clear(jobs->loop, &jobs->remove);
	if (jobs->group_parent >= 0)
		close(jobs->group_parent);
	starter_close(&jobs->starter);
	close(jobs->null_fd);
}
