/* SPDX-License-Identifier: MIT */
#include "supervisor/process.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/collector_link.h"
#include "supervisor/environment.h"
#include "supervisor/index.h"
#include "supervisor/notify.h"
#include "supervisor/pressure.h"
#include "supervisor/settling.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The usual soft limit of open files. Programs may raise it up to the hard limit. */
#define FILES_SOFT 1024

bool process_is_gone(const struct service *v)
{
	return v->pid == 0 && v->launch.slot == NULL && v->reload.launch.pid == 0 &&
	       v->reload.launch.slot == NULL;
}

static void take_pid(struct service *v)
{
	if (v->pid != 0 || v->launch.pid == 0)
		return;
	v->pid = v->launch.pid;
	index_add_pid(v);
}

/*
 * Set the process's own oom_score_adj, from its file or 0. The process shared PID 1's memory before
 * its program when PID 1 was spared (service.h, is_spared), so the kernel gave it PID 1's value.
 */
static void give_oom_score(const struct service *v)
{
	char path[40], text[16];
	size_t len = buf_format(text, sizeof(text), "%d", (int)v->config.oom_score);

	buf_format(path, sizeof(path), "/proc/%d/oom_score_adj", (int)v->pid);
	(void)file_write(path, text, len); /* it may have ended */
}

/* Take the result of the start. If the program could not run, the child's end follows, and the
 * machine acts on that. */
static void on_launch(struct launch *launch)
{
	struct service *v = LOOP_OWNER(launch, struct service, launch);

	take_pid(v);
	/* Freeze only now: the launcher waits until the child has become the program. */
	if (launch->over && v->owner->is_frozen && !v->built_in && v->cgroup.fd >= 0)
		cgroup_freeze(v->cgroup.fd, true);
	if (launch->over && v->needs_oom_score && v->owner->is_spared)
		give_oom_score(v);
	v->needs_oom_score &= !launch->over;
	if (launch->error != 0)
		v->owner->not_started(v, launch->error);
	else if (launch->over && !launch->failed)
		settling_begin(v);
}

void process_take_report(struct service *v)
{
	const struct spawn_failure *failure = &v->launch.failure;

	settling_end(v);
	launcher_release(&v->owner->launcher, &v->launch);
	v->last.outcome.failed_to_run = v->launch.failed;
	if (v->launch.failed) {
		v->last.outcome.stage = (uint8_t)failure->stage;
		v->last.outcome.error = (int16_t)failure->error;
		v->last.part = failure->part;
	}
	v->launch = (struct launch){ 0 };
}

/* Open the console again. Share what cannot be opened again, such as a test's file. */
static int open_console(const struct supervisor *s)
{
	int fd = file_open_again(s->own_fds, log_fd(), O_WRONLY | O_NONBLOCK);

	return fd >= 0 ? fd : fcntl(log_fd(), F_DUPFD_CLOEXEC, 0);
}

/*
 * Open standard input, output and error for this process alone, so that its flags reach no other
 * process. The collector's output goes to the console.
 */
static int open_stdio(struct service *v, int stdio[3], struct problem *p)
{
	struct supervisor *s = v->owner;
	int err = 0;

	stdio[0] = file_open_again(s->own_fds, s->null_fd, O_RDWR);
	if (stdio[0] < 0)
		return problem_set(p, -stdio[0], PROCESS_NOT_MADE);
	if (v == s->collector.service)
		stdio[1] = stdio[2] = open_console(s);
	else
		err = output_open(v, v->account->uid, v->account->gid, &stdio[1], &stdio[2]);
	return err != 0 ? problem_set(p, -err, "output pipe") : 0;
}

/* The parent of the service's cgroup. */
static int parent_group(const struct service *v)
{
	const struct service_cgroups *c = &v->owner->cgroups;

	return v->built_in && c->guest_fd >= 0 ? c->guest_fd : c->fd;
}

/*
 * A group that has seen cgroup.kill is not used again: some kernels (Linux 6.18) kill at once every
 * child that clone3(2) starts inside it. Nor is a group with the limits of an older file. A group
 * that cannot be removed, because of groups below it, is opened again. The child then joins it by
 * itself, which those kernels allow.
 */
static void renew_cgroup(struct service *v)
{
	struct cgroup_usage usage = { .cpu_us = CGROUP_UNSET };

	if (!v->cgroup.is_spent)
		return;
	if (v->cgroup.fd >= 0)
		cgroup_usage(v->cgroup.fd, &usage);
	if (cgroup_remove(parent_group(v), v->name) == 0) {
		v->cgroup.is_spent = false;
		if (usage.cpu_us != CGROUP_UNSET)
			v->cgroup.cpu_before_us += usage.cpu_us;
		v->cgroup.oom_kills_before = v->cgroup.oom_kills;
	}
	pressure_unwatch(v);
	if (v->cgroup.fd >= 0)
		close(v->cgroup.fd);
	v->cgroup.fd = -1;
}

/* Make the cgroup at the first start, and keep it for later starts as long as possible. */
static int open_cgroup(struct service *v, struct problem *p)
{
	int fd;

	if (v->owner->cgroups.fd < 0 && v->config.rules.type == MACHINE_FORKING)
		return problem_set(p, ENOTSUP, "no cgroups: type = forking needs them");
	if (v->owner->cgroups.fd < 0)
		return cgroup_limits_any(&v->config.cgroup)
			       ? problem_set(p, ENOTSUP, "no cgroups: cannot enforce its limits")
			       : 0;
	renew_cgroup(v);
	if (v->cgroup.fd >= 0) {
		pressure_uncap(v);
		return 0;
	}
	if (cgroup_limits_any(&v->config.cgroup))
		pressure_count_services(v->owner);
	fd = cgroup_open(parent_group(v), v->name, &v->config.cgroup, p);
	if (fd < 0)
		return fd;
	v->cgroup.fd = fd;
	pressure_watch(v);
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
	r->fds = v->hooks.fds;
	r->fd_count = v->hooks.fd_count;
	r->set_nice = c->set_nice;
	r->nice = (int)c->nice;
	r->set_oom_score = c->set_oom_score || (v->owner->is_spared && !v->built_in);
	r->oom_score = (int)c->oom_score;
	r->set_umask = c->set_umask;
	r->umask = (mode_t)c->umask;
	r->seccomp = syscall_filter(c->tier);
	if (sandbox_is_needed(&c->sandbox)) {
		r->prepare = sandbox_enter;
		r->prepare_arg = &c->sandbox;
	}
}

/* Start the request `r`. The launcher closes its standard descriptors. Returns 0 or -errno with
 * `p`. */
static int start(struct service *v, const struct spawn_request *r, struct problem *p)
{
	struct launcher *l = &v->owner->launcher;
	int err;

	v->needs_oom_score = !v->owner->is_spared && !v->built_in;
	err = launcher_start(l, r, &v->launch, on_launch);

	if (err == 0 && r->fd_count > 0) {
		/* The hooks may close these descriptors after the start. */
		launcher_settle(l, &v->launch);
		err = -v->launch.error;
	}
	if (err != 0)
		return problem_set(p, -err, PROCESS_NOT_MADE);
	if (v->launch.over)
		on_launch(&v->launch);
	else
		take_pid(v);
	return 0;
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
		.stdio = { -1, -1, -1 },
		.closes_stdio = true,
	};
	int err;

	v->last.outcome.failed_to_run = v->last.has_ended = v->cgroup.fork_was_refused = false;
	v->cgroup.held_bytes = 0;
	v->last.outcome.in_pre_start = pre_start;
	err = open_stdio(v, r.stdio, p);
	if (err == 0)
		err = open_cgroup(v, p);
	if (err == 0)
		err = environment_of(v, &env, pre_start, p);
	if (err == 0) {
		if (!pre_start) {
			notify_open(v);
			environment_publish(v);
		}
		r.cgroup_fd = v->cgroup.fd;
		r.join_cgroup = v->cgroup.is_spent;
		if (!pre_start)
			fill_identity(v, &r);
		return start(v, &r, p);
	}
	spawn_close_stdio(r.stdio);
	return err;
}

int process_start_reload(struct service *v, pid_t main_pid, void (*changed)(struct launch *launch),
	struct problem *p)
{
	struct spawn_limit limits[SERVICE_LIMITS_MAX + 1];
	struct environment env;
	char variable[24];
	struct spawn_request r = {
		.argv = v->config.reload_command->argv,
		.envp = env.list,
		.limits = limits,
		.limit_count = collect_limits(v, limits),
		.stdio = { -1, -1, -1 },
		.closes_stdio = true,
	};
	int err = open_stdio(v, r.stdio, p);

	if (err == 0)
		err = environment_of(v, &env, false, p);
	if (err != 0) {
		spawn_close_stdio(r.stdio);
		return err;
	}
	if (main_pid > 0) {
		buf_format(variable, sizeof(variable), "MAINPID=%d", main_pid);
		environment_set(&env, variable);
	}
	r.cgroup_fd = v->cgroup.fd;
	r.join_cgroup = v->cgroup.is_spent;
	fill_identity(v, &r);
	r.fd_count = 0;
	err = launcher_start(&v->owner->launcher, &r, &v->reload.launch, changed);
	return err != 0 ? problem_set(p, -err, PROCESS_NOT_MADE) : 0;
}

/* A process that may have left the service's group, with what it has started. */
static void signal_process(pid_t pid, int signal)
{
	if (pid > 0 && kill(-pid, signal) != 0 && errno == ESRCH)
		kill(pid, signal);
}

void process_kill_reload(struct service *v)
{
	launcher_settle(&v->owner->launcher, &v->reload.launch);
	signal_process(v->reload.launch.pid, SIGKILL);
}

/*
 * Without a cgroup, the signal goes to the process group. Before the child has called setsid(2) it
 * has no such group and no children, and the signal goes to the child alone.
 */
void process_signal(struct service *v, int signal)
{
	launcher_settle(&v->owner->launcher, &v->launch);
	take_pid(v);
	if (v->cgroup.fd >= 0 && signal == SIGKILL) {
		if (cgroup_is_populated(v->cgroup.fd))
			v->cgroup.is_spent |= cgroup_kill(v->cgroup.fd) == 0;
		if (v->pid > 0) /* root may have moved it out of its cgroup */
			kill(v->pid, SIGKILL);
		process_kill_reload(v);
		return;
	}
	if (v->cgroup.fd >= 0) {
		cgroup_signal(v->cgroup.fd, signal);
		return;
	}
	signal_process(v->pid, signal);
	signal_process(v->reload.launch.pid, signal);
}

/* A process that was stopped or frozen can act on the signal, too. */
static void wake_with(struct service *v, int signal)
{
	if (v->cgroup.fd >= 0)
		cgroup_thaw_all(v->cgroup.fd);
	process_signal(v, signal);
	process_signal(v, SIGCONT);
}

void process_stop(struct service *v)
{
	wake_with(v, v->last.outcome.in_pre_start ? SIGTERM
						  : service_config_signal(v->config.stop_signal));
}

void process_abort(struct service *v)
{
	wake_with(v, SIGABRT);
}
