/* SPDX-License-Identifier: MIT */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/describe.h"
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
	*s = (struct supervisor){ .loop = loop };
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

/* What the machine asked for, in the order in which it makes sense. Each may lead to further
 * events. */
static void carry_out(struct service *v, unsigned int todo)
{
	if (todo & MACHINE_DO_TERM)
		process_signal(v, SIGTERM);
	if (todo & MACHINE_DO_KILL)
		process_signal(v, SIGKILL);
	if ((todo & (MACHINE_DO_TERM | MACHINE_DO_KILL)) && v->pid == 0)
		supervisor_event(v, MACHINE_EV_GONE, NULL);
	if (todo & MACHINE_DO_CHECK)
		supervisor_event(v, MACHINE_EV_CLEARED, NULL);
	if (todo & MACHINE_DO_PRE)
		start_process(v, true);
	if (todo & MACHINE_DO_MAIN)
		start_process(v, false);
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
}

void supervisor_start_all(struct supervisor *s)
{
	for (int built_in = 0; built_in < 2; built_in++)
		for (struct service *v = s->services; v != NULL; v = v->next)
			if (v->built_in == (built_in == 1))
				supervisor_event(v, MACHINE_EV_START, NULL);
}

void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms)
{
	for (struct service *v = s->services; v != NULL; v = v->next) {
		if (v->built_in && !built_in)
			continue;
		if (v->machine.rules.stop_timeout > timeout_ms)
			v->machine.rules.stop_timeout = timeout_ms;
		supervisor_event(v, MACHINE_EV_STOP, NULL);
	}
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
	exit.success = machine_exit_is_success(status);
	exit.permanent = v->failed_to_run && spawn_failure_is_permanent(&v->failure);
	supervisor_event(v, MACHINE_EV_EXITED, &exit);
	if (v->pid == 0 && machine_is_active(&v->machine))
		supervisor_event(v, MACHINE_EV_GONE, NULL);
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
		if (v != NULL)
			kill(-info.si_pid, SIGKILL);
		if (waitpid(info.si_pid, &status, WNOHANG) == info.si_pid && v != NULL)
			process_ended(v, status);
	}
}
