/* SPDX-License-Identifier: MIT */
#include "supervisor/process.h"

#include "base/log.h"
#include "supervisor/environment.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What most programs are tested with; those that want more may raise it up to the hard limit. */
#define FILES_SOFT 1024

static void close_report(struct service *v)
{
	int fd = v->report.fd;

	if (fd < 0)
		return;
	loop_remove(v->owner->loop, &v->report);
	close(fd);
}

void process_take_report(struct service *v)
{
	if (v->report.fd < 0)
		return;
	v->failed_to_run = spawn_report(v->report.fd, &v->failure) == 1;
	close_report(v);
}

/* End of file: the program runs. Anything else is followed by the child's end, which is acted on
 * then. */
static void on_report(struct loop_io *io, uint32_t events)
{
	struct service *v = LOOP_OWNER(io, struct service, report);

	(void)events;
	process_take_report(v);
	if (!v->failed_to_run)
		supervisor_event(v, MACHINE_EV_EXEC, NULL);
}

/* Where output goes: the pipe to the collector. The collector's own goes to the console. */
static int open_output(struct service *v, int *fd, struct problem *p)
{
	int err;

	if (v == v->owner->collector.service) {
		*fd = log_fd();
		return 0;
	}
	err = output_open(v);
	*fd = v->output.write_fd;
	/* So that its program can open /dev/stdout, too, which is this pipe's inode. */
	(void)!fchown(*fd, v->account->uid, v->account->gid);
	return err != 0 ? problem_set(p, -err, "output pipe") : 0;
}

/*
 * A group in which something was killed is not used again: some kernels (Linux 6.18) kill at once
 * whatever clone3(2) starts inside a group that has ever seen cgroup.kill. Nor is one with the
 * limits of an older file. One that cannot be removed, because of groups below it, is opened again,
 * and joined by the child, whom the kernel leaves alone.
 */
static void renew_cgroup(struct service *v)
{
	struct cgroup_usage usage = { .cpu_us = CGROUP_UNSET };

	if (!v->cgroup_killed)
		return;
	if (v->cgroup_fd >= 0)
		cgroup_usage(v->cgroup_fd, &usage);
	if (cgroup_remove(v->owner->cgroups_fd, v->name) == 0) {
		v->cgroup_killed = false;
		if (usage.cpu_us != CGROUP_UNSET)
			v->cpu_before_us += usage.cpu_us;
		v->oom_kills_before = v->oom_kills;
	}
	if (v->cgroup_fd >= 0)
		close(v->cgroup_fd);
	v->cgroup_fd = -1;
}

/* Made at the first start, kept for the others as long as it can be. */
static int open_cgroup(struct service *v, struct problem *p)
{
	int fd;

	if (v->owner->cgroups_fd < 0)
		return cgroup_limits_any(&v->config.cgroup)
			       ? problem_set(p, ENOTSUP, "no cgroups: its limits cannot be kept")
			       : 0;
	renew_cgroup(v);
	if (v->cgroup_fd >= 0)
		return 0;
	if (cgroup_limits_any(&v->config.cgroup) && !v->owner->controllers) {
		v->owner->controllers = true;
		cgroups_enable_controllers(v->owner->cgroups_fd, &log_problems);
	}
	fd = cgroup_open(v->owner->cgroups_fd, v->name, &v->config.cgroup, p);
	if (fd < 0)
		return fd;
	v->cgroup_fd = fd;
	return 0;
}

static size_t collect_limits(const struct service *v, struct spawn_limit *limits)
{
	rlim_t hard = v->owner->files_max, soft = hard < FILES_SOFT ? hard : FILES_SOFT;

	limits[0] = (struct spawn_limit){ RLIMIT_NOFILE, { soft, hard } };
	if (v->config.limit_count > 0)
		memcpy(limits + 1, v->config.limits, v->config.limit_count * sizeof(limits[0]));
	return v->config.limit_count + 1;
}

static void fill_identity(const struct service *v, struct spawn_request *r)
{
	const struct service_config *c = &v->config;

	r->user = v->account;
	r->bounding = c->bounding;
	r->ambient = c->ambient;
	r->no_new_privs = c->no_new_privs;
	r->directory = c->working_directory;
	r->fds = v->fds;
	r->fd_count = v->fd_count;
	r->set_nice = c->set_nice;
	r->nice = (int)c->nice;
	r->set_oom_score = c->set_oom_score;
	r->oom_score = (int)c->oom_score;
	r->set_umask = c->set_umask;
	r->umask = (mode_t)c->umask;
	r->seccomp = syscall_filter(c->tier);
	if (sandbox_is_needed(&c->sandbox)) {
		r->prepare = sandbox_enter;
		r->prepare_arg = &c->sandbox;
	}
}

int process_start(struct service *v, bool pre_start, struct problem *p)
{
	struct spawn_limit limits[SERVICE_LIMITS_MAX + 1];
	struct environment env;
	struct spawn_request r = {
		.argv = pre_start ? v->config.pre_start->argv : v->config.command->argv,
		.envp = env.list,
		.limits = limits,
		.limit_count = collect_limits(v, limits),
	};
	int out = -1, report = -1, err;

	v->failed_to_run = v->has_ended = false;
	v->in_pre_start = pre_start;
	err = open_output(v, &out, p);
	if (err == 0)
		err = open_cgroup(v, p);
	if (err == 0)
		err = environment_of(v, &env, p);
	if (err != 0)
		return err;
	r.cgroup_fd = v->cgroup_fd;
	r.join_cgroup = v->cgroup_killed;
	r.stdio[0] = v->owner->null_fd;
	r.stdio[1] = r.stdio[2] = out;
	if (!pre_start)
		fill_identity(v, &r);
	err = spawn(&r, &v->pid, &report);
	if (err != 0)
		return problem_set(p, -err, "cannot make a process");
	index_add_pid(v);
	close_report(v);
	err = loop_add(v->owner->loop, &v->report, report, EPOLLIN, on_report);
	if (err == 0)
		return 0;
	/* It runs or it does not: its end will tell. */
	log_line("%s: its start cannot be watched: %s", v->name, problem_errno_text(-err));
	close(report);
	supervisor_event(v, MACHINE_EV_EXEC, NULL);
	return 0;
}

/*
 * Without a cgroup: until the child has called setsid(2) there is no process group of its number,
 * and the signal goes to the child alone; it has no children yet.
 */
void process_signal(struct service *v, int signal)
{
	if (v->cgroup_fd >= 0 && signal == SIGKILL) {
		if (cgroup_is_populated(v->cgroup_fd))
			v->cgroup_killed |= cgroup_kill(v->cgroup_fd) == 0;
		if (v->pid > 0) /* root may have taken it out of its group */
			kill(v->pid, SIGKILL);
		return;
	}
	if (v->cgroup_fd >= 0) {
		cgroup_signal(v->cgroup_fd, signal);
		return;
	}
	if (v->pid > 0 && kill(-v->pid, signal) != 0 && errno == ESRCH)
		kill(v->pid, signal);
}
