/* SPDX-License-Identifier: MIT */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/describe.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int supervisor_init(struct supervisor *s, struct loop *loop)
{
	*s = (struct supervisor){ .loop = loop, .cgroups_fd = -1, .notify.fd = -1 };
	s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return s->null_fd < 0 ? -errno : 0;
}

struct service *supervisor_find(struct supervisor *s, const char *name)
{
	struct service *v = s->services;

	while (v != NULL && strcmp(v->name, name) != 0)
		v = v->next;
	return v;
}

size_t supervisor_count_runnable(const struct supervisor *s)
{
	size_t n = 0;

	for (const struct service *v = s->services; v != NULL; v = v->next)
		n += v->problem == NULL;
	return n;
}

static void stop_those_not_needed(struct supervisor *s);
static void check_order(struct service *v);

static void on_timer(struct loop_timer *timer)
{
	supervisor_event(LOOP_OWNER(timer, struct service, timer), MACHINE_EV_TIMEOUT, NULL);
}

static void start_process(struct service *v, bool pre_start)
{
	struct problem p;

	if (process_start(v, pre_start, &p) == 0)
		return;
	log_line("%s: %s", v->name, p.text);
	supervisor_event(v, MACHINE_EV_SPAWN_FAILED, NULL);
}

static void unwatch_cgroup(struct service *v)
{
	int fd = v->cgroup_events.fd;

	if (fd < 0)
		return;
	loop_remove(v->owner->loop, &v->cgroup_events);
	close(fd);
}

static void on_cgroup_event(struct loop_io *io, uint32_t events);

/* Wait for the cgroup to change. A cgroup that cannot be watched is asked again by the machine's
 * timer. */
static void watch_cgroup(struct service *v)
{
	int fd = v->cgroup_events.fd < 0 ? cgroup_open_events(v->cgroup_fd) : -1;

	if (fd >= 0 &&
		loop_add(v->owner->loop, &v->cgroup_events, fd, EPOLLPRI, on_cgroup_event) != 0)
		close(fd);
}

/* Something that goes down: has the last of it gone? */
static void check_gone(struct service *v)
{
	enum machine_state state = v->machine.state;

	if (v->pid != 0 || (state != MACHINE_STOP && state != MACHINE_KILL))
		return;
	if (v->cgroup_fd >= 0 && cgroup_is_populated(v->cgroup_fd)) {
		watch_cgroup(v);
		return;
	}
	unwatch_cgroup(v);
	supervisor_event(v, MACHINE_EV_GONE, NULL);
}

static void on_cgroup_event(struct loop_io *io, uint32_t events)
{
	struct service *v = LOOP_OWNER(io, struct service, cgroup_events);
	char text[128];

	(void)events;
	/* Reading is what ends the event. */
	(void)!pread(io->fd, text, sizeof(text), 0);
	check_gone(v);
}

/* Something is to start: may it? At shutdown, no. */
static void check_order(struct service *v)
{
	const char *blocker;

	if (v->owner->stop_by_ms != 0 && !v->built_in) {
		supervisor_event(v, MACHINE_EV_STOP, NULL);
		return;
	}
	switch (order_ask(v, &blocker)) {
	case ORDER_CLEAR:
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

/* What the machine asked for, in the order in which it makes sense. Each may lead to further
 * events. */
static void carry_out(struct service *v, unsigned int todo)
{
	if (todo & MACHINE_DO_TERM)
		process_signal(v, SIGTERM);
	if (todo & MACHINE_DO_KILL)
		process_signal(v, SIGKILL);
	if (todo & (MACHINE_DO_TERM | MACHINE_DO_KILL))
		check_gone(v);
	if (todo & MACHINE_DO_CHECK)
		check_order(v);
	if (todo & MACHINE_DO_PRE)
		start_process(v, true);
	if (todo & MACHINE_DO_MAIN)
		start_process(v, false);
	if ((todo & MACHINE_DO_LIMIT) && v->config.start_limit_action != SERVICE_LIMIT_NONE &&
		v->owner->start_limit_hit != NULL)
		v->owner->start_limit_hit(v->owner, v);
}

/* Who waits may have waited for this, or who is to stop. */
static void tell_others(struct supervisor *s)
{
	for (struct service *v = s->services; s->ordered && v != NULL; v = v->next)
		if (v->machine.state == MACHINE_WAITING)
			check_order(v);
	if (s->ordered && s->stop_by_ms != 0)
		stop_those_not_needed(s);
}

void supervisor_event(struct service *v, enum machine_event event, const struct machine_exit *exit)
{
	struct supervisor *s = v->owner;
	enum machine_state before = v->machine.state;
	unsigned int todo;

	if (v->problem != NULL)
		return; /* its file has errors: nothing can start it */
	todo = machine_step(&v->machine, event, exit, clock_ms());
	v->timer.expire = on_timer;
	if (v->machine.due_ms != 0)
		loop_timer_set(s->loop, &v->timer, v->machine.due_ms);
	else
		loop_timer_clear(s->loop, &v->timer);
	if (v->machine.state != before) {
		describe_change(v, before);
		if (s->changed != NULL)
			s->changed(s, v);
	}
	carry_out(v, todo);
	if (v->machine.state != before)
		tell_others(s);
}

static bool is_scheduled(const struct service *v)
{
	return v->config.on_boot_delay != 0 || v->config.on_interval != 0;
}

/* Its turn has come. While it runs, START means nothing to the machine. */
static void on_schedule(struct loop_timer *timer)
{
	struct service *v = LOOP_OWNER(timer, struct service, schedule);
	uint64_t now = clock_ms(), interval = v->config.on_interval;

	if (v->owner->stop_by_ms != 0)
		return;
	if (interval != 0)
		loop_timer_set(
			v->owner->loop, timer, now + interval - (now - timer->at_ms) % interval);
	supervisor_event(v, MACHINE_EV_START, NULL);
}

static void arm_schedule(struct service *v)
{
	uint64_t first =
		v->config.on_boot_delay != 0 ? v->config.on_boot_delay : v->config.on_interval;

	v->schedule.expire = on_schedule;
	loop_timer_set(v->owner->loop, &v->schedule, clock_ms() + first);
}

/* Everybody is wanted before the first one starts: what comes after another must know that it will
 * come. */
void supervisor_start_all(struct supervisor *s)
{
	bool notify = false;
	int err;

	for (struct service *v = s->services; v != NULL; v = v->next) {
		v->machine.wanted = v->problem == NULL && !is_scheduled(v);
		notify |= v->config.rules.ready == MACHINE_READY_NOTIFY;
	}
	if (notify && s->notify.fd < 0 && (err = notify_open(s)) != 0)
		log_line("cannot open " NOTIFY_SOCKET_PATH ": %s", problem_errno_text(-err));
	for (int built_in = 0; built_in < 2; built_in++) {
		for (struct service *v = s->services; v != NULL; v = v->next) {
			if (v->built_in != (built_in == 1) || v->problem != NULL)
				continue;
			if (is_scheduled(v))
				arm_schedule(v);
			else
				supervisor_event(v, MACHINE_EV_START, NULL);
		}
	}
}

static void stop_one(struct service *v)
{
	uint64_t now = clock_ms(),
		 left = v->owner->stop_by_ms > now ? v->owner->stop_by_ms - now : 0;

	if (v->machine.rules.stop_timeout > left)
		v->machine.rules.stop_timeout = left;
	supervisor_event(v, MACHINE_EV_STOP, NULL);
}

static void stop_those_not_needed(struct supervisor *s)
{
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->machine.wanted && (!v->built_in || s->stop_built_in) && !order_is_needed(v))
			stop_one(v);
}

/* The time is over: whoever was waited for, everything goes. */
static void on_stop_deadline(struct loop_timer *timer)
{
	struct supervisor *s = LOOP_OWNER(timer, struct supervisor, stop_timer);

	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->machine.wanted && (!v->built_in || s->stop_built_in))
			stop_one(v);
}

void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms)
{
	s->stop_by_ms = clock_ms() + timeout_ms;
	s->stop_built_in = built_in;
	s->stop_timer.expire = on_stop_deadline;
	loop_timer_set(s->loop, &s->stop_timer, s->stop_by_ms);
	stop_those_not_needed(s);
}

bool supervisor_is_active(const struct supervisor *s, bool built_in)
{
	for (const struct service *v = s->services; v != NULL; v = v->next)
		if ((built_in || !v->built_in) && machine_is_active(&v->machine))
			return true;
	return false;
}

static struct service *service_of_pid(struct supervisor *s, pid_t pid)
{
	struct service *v = s->services;

	while (v != NULL && v->pid != pid)
		v = v->next;
	return v;
}

static void process_ended(struct service *v, int status)
{
	struct machine_exit exit;

	v->pid = 0;
	process_take_report(v);
	v->last_status = status;
	v->has_ended = true;
	v->ran_ms = clock_ms() - v->machine.started_ms;
	if (v->cgroup_fd >= 0) {
		uint64_t kills = cgroup_oom_kills(v->cgroup_fd);

		v->out_of_memory = kills > v->oom_kills;
		v->oom_kills = kills;
	}
	exit.success = machine_exit_is_success(status);
	exit.permanent = v->failed_to_run && spawn_failure_is_permanent(&v->failure);
	supervisor_event(v, MACHINE_EV_EXITED, &exit);
	check_gone(v);
}

/*
 * A service's process is looked at before it is reaped: as long as it is a zombie, its process
 * group cannot be anybody else's, and what is left of the group gets its KILL.
 */
void supervisor_reap(struct supervisor *s)
{
	for (;;) {
		siginfo_t info = { 0 };
		struct service *v;
		int status;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		v = service_of_pid(s, info.si_pid);
		if (v != NULL && v->cgroup_fd < 0)
			kill(-info.si_pid, SIGKILL);
		if (waitpid(info.si_pid, &status, WNOHANG) == info.si_pid && v != NULL)
			process_ended(v, status);
	}
}
