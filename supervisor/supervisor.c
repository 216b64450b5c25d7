/* SPDX-License-Identifier: MIT */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/collector_link.h"
#include "supervisor/describe.h"
#include "supervisor/events.h"
#include "supervisor/index.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/pressure.h"
#include "supervisor/process.h"
#include "supervisor/service_reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HINT_MS 10000 /* a command that ends sooner may have started a daemon */

/* A frozen service cannot send WATCHDOG=1: give its watchdog the full time again. */
static void on_timer(struct loop_timer *timer)
{
	struct service *v = LOOP_OWNER(timer, struct service, timer);

	if (v->owner->is_frozen && machine_is_ready(&v->machine)) {
		machine_was_frozen(&v->machine, clock_ms());
		loop_timer_set(v->owner->loop, timer, v->machine.due_ms);
		return;
	}
	supervisor_event(v, MACHINE_EV_TIMEOUT, NULL);
}

static void say_not_started(struct service *v, const char *why, int error)
{
	v->last.start_error = error;
	v->last.start_problem = why;
	supervisor_event(v, MACHINE_EV_SPAWN_FAILED, NULL);
	v->last.start_problem = NULL;
}

static void start_process(struct service *v, bool pre_start)
{
	struct problem p;
	int err;

	v->unhealthy = 0;
	if (v->hooks.starting != NULL && !pre_start)
		v->hooks.starting(v);
	v->last.start_error = 0;
	err = process_start(v, pre_start, &p);
	if (v->hooks.started != NULL && !pre_start)
		v->hooks.started(v);
	if (err != 0)
		say_not_started(v, p.text, -err);
}

static void unwatch_cgroup(struct service *v)
{
	int fd = v->cgroup.events.fd;

	if (fd < 0)
		return;
	loop_remove(v->owner->loop, &v->cgroup.events);
	close(fd);
}

static void on_cgroup_event(struct loop_io *io, uint32_t events);
static void end_run(struct service *v, int status);

/* Wait for the cgroup to change. If it cannot be watched, the machine's timer leads to another
 * check. */
static void watch_cgroup(struct service *v)
{
	int fd = v->cgroup.events.fd < 0 ? cgroup_open_events(v->cgroup.fd) : -1;

	if (fd >= 0 &&
		loop_add(v->owner->loop, &v->cgroup.events, fd, EPOLLPRI, on_cgroup_event) != 0)
		close(fd);
}

static bool is_coming_or_up(const struct service *v)
{
	return v->machine.state == MACHINE_START || machine_is_ready(&v->machine);
}

/* Tell the machine once the last process of a stopping service has ended. */
static void check_gone(struct service *v)
{
	enum machine_state state = v->machine.state;

	if (process_is_gone(v) && v->config.rules.type == MACHINE_FORKING && is_coming_or_up(v) &&
		!cgroup_is_populated(v->cgroup.fd))
		end_run(v, v->cgroup.daemon_status);
	if (!process_is_gone(v) || (state != MACHINE_STOP && state != MACHINE_KILL))
		return;
	if (v->cgroup.fd >= 0 && cgroup_is_populated(v->cgroup.fd)) {
		watch_cgroup(v);
		return;
	}
	unwatch_cgroup(v);
	supervisor_event(v, MACHINE_EV_GONE, NULL);
}

/* The launcher could not make the process. */
static void process_not_started(struct service *v, int error)
{
	struct problem p;

	problem_set(&p, error, PROCESS_NOT_MADE);
	say_not_started(v, p.text, error);
	check_gone(v); /* a stop may have been requested since */
}

/* wait(2) looks at every child, however many there are; this only asks whether one has ended. */
static void reap_unread(struct supervisor *s)
{
	sigset_t unread;

	sigpending(&unread);
	if (!s->blocks_sigchld || sigismember(&unread, SIGCHLD) == 1)
		supervisor_reap(s);
}

/*
 * Take the progress of starts, but ended processes first: a program that failed at once was never
 * up, and the services that require it must not start.
 */
static void on_launches(struct launcher *l)
{
	reap_unread(LOOP_OWNER(l, struct supervisor, launcher));
	launcher_collect(l);
}

int supervisor_init(struct supervisor *s, struct loop *loop)
{
	sigset_t blocked;

	*s = (struct supervisor){ .loop = loop,
		.files_max = SUPERVISOR_FILES_MAX,
		.cgroups = { .fd = -1, .guest_fd = -1 },
		.pressure.events.fd = -1,
		.happened = supervisor_event,
		.not_started = process_not_started,
		.reap = reap_unread,
		.reconsider = supervisor_reconsider,
		.collector = { .io.fd = -1, .rings = -1 } };
	s->blocks_sigchld =
		sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGCHLD) == 1;
	s->own_fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null_fd < 0)
		return -errno;
	s->again_fd = fcntl(s->null_fd, F_DUPFD_CLOEXEC, 0);
	launcher_init(&s->launcher, loop, s->null_fd, on_launches);
	return 0;
}

static void on_cgroup_event(struct loop_io *io, uint32_t events)
{
	struct service *v = LOOP_OWNER(io, struct service, cgroup.events);
	char text[128];

	(void)events;
	/* Reading the file ends the event. */
	(void)!pread(io->fd, text, sizeof(text), 0);
	reap_unread(v->owner); /* to know how the last process ended */
	check_gone(v);
}

void supervisor_reconsider(struct service *v)
{
	const char *blocker;

	if (v->machine.state != MACHINE_WAITING || (v->owner->held && !v->built_in))
		return;
	if (v->owner->stopping.by_ms != 0 && !v->built_in) {
		supervisor_event(v, MACHINE_EV_STOP, NULL);
		return;
	}
	switch (order_ask(v, &blocker)) {
	case ORDER_CLEAR:
		if (v->built_in || !pressure_holds_back(v->owner))
			supervisor_event(v, MACHINE_EV_CLEARED, NULL);
		break;
	case ORDER_BLOCKED:
		log_line("%s: cannot start: it requires %s", v->name, blocker);
		supervisor_event(v, MACHINE_EV_BLOCKED, NULL);
		break;
	case ORDER_WAIT:
		break;
	}
}

/* Carry out the machine's actions. Each may lead to further events. */
static void carry_out(struct service *v, unsigned int todo)
{
	if (todo & MACHINE_DO_TERM)
		process_stop(v);
	if (todo & MACHINE_DO_ABORT) {
		log_line("%s: no WATCHDOG=1 for %llu ms: aborted", v->name,
			(unsigned long long)v->config.rules.watchdog);
		process_abort(v);
	}
	if (todo & MACHINE_DO_KILL)
		process_signal(v, SIGKILL);
	if (todo & (MACHINE_DO_TERM | MACHINE_DO_KILL | MACHINE_DO_ABORT))
		check_gone(v);
	if (todo & MACHINE_DO_RELOAD)
		service_reload_act(v);
	if (todo & MACHINE_DO_END_RELOAD)
		process_kill_reload(v);
	if (todo & MACHINE_DO_CHECK)
		supervisor_reconsider(v);
	if (todo & MACHINE_DO_PRE)
		start_process(v, true);
	if (todo & MACHINE_DO_MAIN)
		start_process(v, false);
	if ((todo & MACHINE_DO_LIMIT) && v->config.start_limit_action != SERVICE_LIMIT_NONE &&
		v->owner->start_limit_hit != NULL)
		v->owner->start_limit_hit(v->owner, v);
}

static void stop_before(struct supervisor *s, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct service *u = supervisor_find(s, names->list[i]);

		if (u != NULL)
			supervisor_stop_next(u);
	}
}

/* Services after `v` may have waited for its start; during a stop, services before `v` for its end.
 */
static void tell_others(struct service *v)
{
	struct supervisor *s = v->owner;

	for (size_t i = 0; i < v->index.dependent_count; i++)
		supervisor_reconsider(v->index.dependents[i]);
	if (s->stopping.by_ms == 0 || machine_is_active(&v->machine))
		return;
	stop_before(s, &v->config.after);
	stop_before(s, &v->config.requires);
}

void supervisor_event(struct service *v, enum machine_event event, const struct machine_exit *exit)
{
	struct supervisor *s = v->owner;
	enum machine_state before = v->machine.state;
	unsigned int todo;

	if (v->problem != NULL)
		return; /* a service with an error in its file does not start */
	if ((event == MACHINE_EV_START || event == MACHINE_EV_RESTART) &&
		(v->file.finding == FILE_REMOVED || v->file.next != NULL))
		return; /* it stops because its file was removed or has changed; a changed file
			   starts it later */
	todo = machine_step(&v->machine, event, exit, clock_ms());
	index_count(v);
	v->timer.expire = on_timer;
	if (v->machine.due_ms != 0)
		loop_timer_set(s->loop, &v->timer, v->machine.due_ms);
	else
		loop_timer_clear(s->loop, &v->timer);
	if (v->machine.state != before) {
		describe_change(v, before);
		if (before == MACHINE_RELOAD)
			service_reload_over(v);
		if (s->events != NULL)
			events_add(s->events, v, before, event);
		if (s->changed != NULL)
			s->changed(s, v);
	}
	carry_out(v, todo);
	if (v->machine.state != before)
		tell_others(v);
	/* supervisor_sweep() applies the new file, or frees the service. */
	s->to_sweep |= v->file.next != NULL && v->machine.state == MACHINE_INACTIVE;
}

/* The run is over: close its socket, and note how it ended. */
static void end_run(struct service *v, int status)
{
	struct machine_exit exit;

	notify_close(v);
	output_flush(v);
	v->last.outcome.status = status;
	v->last.has_ended = true;
	v->last.ran_ms = clock_ms() - v->machine.started_ms;
	if (v->cgroup.fd >= 0) {
		uint64_t kills = v->cgroup.oom_kills_before + cgroup_oom_kills(v->cgroup.fd);

		v->last.outcome.out_of_memory = kills > v->cgroup.oom_kills;
		pressure_explain_end(v);
		v->cgroup.oom_kills = kills;
	}
	exit.success = machine_exit_is_success(status);
	exit.permanent = v->last.outcome.failed_to_run &&
			 spawn_failure_is_permanent(&(struct spawn_failure){
				 .stage = v->last.outcome.stage, .error = v->last.outcome.error });
	supervisor_event(v, MACHINE_EV_EXITED, &exit);
	check_gone(v);
}

/*
 * Make the process of MAINPID= the main process, after the old one has ended. Only a child of PID 1
 * can be: nobody would tell of the end of another one, and its pid could come to belong to a
 * stranger.
 */
static bool has_successor(struct service *v)
{
	pid_t pid = v->notify.main_pid;
	char name[SERVICE_NAME_MAX];

	v->notify.main_pid = 0;
	if (pid == 0 || cgroup_service_of(pid, name, sizeof(name)) != 0 ||
		strcmp(name, v->name) != 0)
		return false;
	if (!cgroup_is_child_of_init(pid)) {
		log_line("%s: MAINPID=%d ignored: its parent is another process, not PID 1",
			v->name, pid);
		return false;
	}
	v->pid = pid;
	index_add_pid(v);
	return true;
}

/* True if the command of a type = forking service has succeeded and left a daemon. */
static bool has_daemon(struct service *v, int status)
{
	if (v->config.rules.type != MACHINE_FORKING || v->machine.state != MACHINE_START ||
		v->last.outcome.failed_to_run || status != 0 || !cgroup_is_populated(v->cgroup.fd))
		return false;
	v->owner->has_daemons = true;
	v->cgroup.daemon_status = 0;
	watch_cgroup(v);
	if (v->config.rules.ready == MACHINE_READY_STARTED)
		supervisor_event(v, MACHINE_EV_READY, NULL);
	return true;
}

static void hint_at_forking(struct service *v, int status)
{
	if (status != 0 || v->config.rules.type != MACHINE_SIMPLE || v->has_hinted ||
		!is_coming_or_up(v) || v->cgroup.fd < 0 || v->last.outcome.failed_to_run ||
		clock_ms() - v->machine.started_ms > HINT_MS || !cgroup_is_populated(v->cgroup.fd))
		return;
	v->has_hinted = true;
	log_line("%s: its command has ended, and the processes it left are killed; a daemon that "
		 "goes into the background needs type = forking",
		v->name);
}

static void process_ended(struct service *v, int status)
{
	v->last.pid = v->pid;
	index_remove_pid(v);
	v->pid = 0;
	process_take_report(v);
	notify_drain(v);
	if (is_coming_or_up(v)) {
		if (has_successor(v)) {
			supervisor_event(v, MACHINE_EV_EXEC, NULL);
			return;
		}
		if (has_daemon(v, status))
			return;
	}
	hint_at_forking(v, status);
	end_run(v, status);
}

/* The last process of a daemon to end decides how the daemon has ended. */
static void orphan_ended(struct service *v, int status)
{
	v->cgroup.daemon_status = status;
	check_gone(v);
}

static void reload_ended(struct service *v, int status)
{
	service_reload_command_ended(v, status);
	check_gone(v);
}

/* Find the forking service of an orphan that is still a zombie; or NULL. */
static struct service *daemon_of(struct supervisor *s, pid_t pid)
{
	char name[SERVICE_NAME_MAX];

	if (!s->has_daemons || cgroup_service_of(pid, name, sizeof(name)) != 0)
		return NULL;
	return supervisor_find(s, name);
}

/*
 * Look at a service's process before it is reaped: while it is a zombie, nobody else can have its
 * process group, and the rest of the group can be killed.
 */
void supervisor_reap(struct supervisor *s)
{
	for (;;) {
		siginfo_t info = { 0 };
		struct service *v, *reloads, *part_of;
		int status;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		launcher_collect_pids(&s->launcher); /* the process may be newly started */
		v = index_find_pid(s, info.si_pid);
		reloads = v == NULL ? service_reload_find(s, info.si_pid) : NULL;
		if ((v != NULL && v->cgroup.fd < 0) || (reloads != NULL && reloads->cgroup.fd < 0))
			kill(-info.si_pid, SIGKILL);
		part_of = v == NULL && reloads == NULL ? daemon_of(s, info.si_pid) : NULL;
		if (waitpid(info.si_pid, &status, WNOHANG) != info.si_pid)
			continue;
		if (v != NULL)
			process_ended(v, status);
		else if (reloads != NULL)
			reload_ended(reloads, status);
		else if (part_of != NULL)
			orphan_ended(part_of, status);
	}
}
