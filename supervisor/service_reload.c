/* SPDX-License-Identifier: MIT */
#include "supervisor/service_reload.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/describe.h"
#include "supervisor/notify.h"
#include "supervisor/process.h"

#include <errno.h>
#include <signal.h>

int service_reload_begin(struct service *v, struct problem *p)
{
	notify_drain(v); /* what it has sent before is not about this reload */
	if (v->config.rules.reload == MACHINE_RELOAD_BY_NOTHING)
		return problem_set_text(p, ENOTSUP, "it has no reload_signal or reload_command");
	switch (v->machine.state) {
	case MACHINE_RUNNING:
		break;
	case MACHINE_WAITING:
	case MACHINE_PRE:
	case MACHINE_START:
	case MACHINE_RELOAD:
		return -EAGAIN;
	case MACHINE_INACTIVE:
	case MACHINE_STOP:
	case MACHINE_KILL:
	case MACHINE_BACKOFF:
	case MACHINE_EXITED:
	case MACHINE_FAILED:
	case MACHINE_STATES:
		return problem_set_text(p, ESRCH, "it does not run");
	}
	if (v->reload.launch.pid != 0 || v->reload.launch.slot != NULL)
		return -EAGAIN; /* the command of an earlier one was killed, and still goes */
	v->reload.number++;
	v->reload.begun_us = clock_us();
	v->reload.error = 0;
	v->reload.text[0] = '\0';
	v->owner->happened(v, MACHINE_EV_RELOAD, NULL);
	return 0;
}

static void fail(struct service *v, int error, const char *why)
{
	v->reload.error = error;
	buf_format(v->reload.text, sizeof(v->reload.text), "%s", why);
}

/* How it went is known. */
static void end(struct service *v)
{
	v->reload.ended = v->reload.number;
	if (v->reload.error != 0)
		log_line("%s: reload failed: %s", v->name, v->reload.text);
}

/* The state machine is told how the signal or the command went. */
static void report(struct service *v, bool success)
{
	if (v->machine.state == MACHINE_RELOAD)
		v->owner->happened(
			v, MACHINE_EV_RELOADED, &(struct machine_exit){ .success = success });
	else
		end(v);
}

/* A daemon's main process is not a child of ours. */
static pid_t find_main_pid(const struct service *v)
{
	return v->pid > 0 ? v->pid : v->cgroup.fd >= 0 ? cgroup_main_pid(v->cgroup.fd) : -ESRCH;
}

static void send_signal(struct service *v)
{
	pid_t pid = find_main_pid(v);
	int error = pid < 0 ? -pid : 0;

	if (error == 0 && kill(pid, service_config_signal(v->config.reload_signal)) != 0)
		error = errno;
	if (error != 0)
		fail(v, error,
			error == ENOTUNIQ ? "which process is the main one is not known: MAINPID= "
					    "or reload_command can say"
					  : "it has no main process");
	if (error != 0 || v->machine.state != MACHINE_RELOAD)
		report(v, error == 0);
}

/* Returns what is known of its start. */
static struct launch release_launch(struct service *v)
{
	struct launch last;

	v->owner->reload_commands--;
	launcher_release(&v->owner->launcher, &v->reload.launch);
	last = v->reload.launch;
	v->reload.launch = (struct launch){ 0 };
	return last;
}

/* What is known of the start of reload_command; how its child ended comes later. */
static void on_launch(struct launch *launch)
{
	struct service *v = LOOP_OWNER(launch, struct service, reload.launch);
	int error = launch->error;

	if (error == 0)
		return;
	release_launch(v);
	fail(v, error, PROCESS_NOT_MADE);
	report(v, false);
}

static void start_command(struct service *v)
{
	pid_t main_pid = find_main_pid(v);
	struct problem p;

	if (process_start_reload(v, main_pid, on_launch, &p) != 0) {
		fail(v, p.code, p.text);
		report(v, false);
		return;
	}
	v->owner->reload_commands++;
	on_launch(&v->reload.launch);
}

void service_reload_act(struct service *v)
{
	if (v->config.rules.reload == MACHINE_RELOAD_BY_COMMAND)
		start_command(v);
	else
		send_signal(v);
}

void service_reload_over(struct service *v)
{
	const struct machine *m = &v->machine;

	if (v->reload.ended == v->reload.number) { /* it has begun by itself */
		if (m->reload.late)
			log_line("%s: RELOADING=1, but no READY=1 within start_timeout", v->name);
		return;
	}
	if (m->state != MACHINE_RUNNING && v->reload.error == 0)
		fail(v, ECANCELED, "the service has ended");
	else if (m->reload.late)
		fail(v, ETIMEDOUT,
			m->reload.awaits
				? "no READY=1 within start_timeout"
				: "reload_command takes longer than start_timeout: killed");
	end(v);
}

struct service *service_reload_find(struct supervisor *s, pid_t pid)
{
	struct service *v = s->reload_commands > 0 ? s->services : NULL;

	while (v != NULL && v->reload.launch.pid != pid)
		v = v->next;
	return v;
}

void service_reload_command_ended(struct service *v, int status)
{
	struct launch launch = release_launch(v);
	struct outcome o = { .status = status,
		.failed_to_run = launch.failed,
		.stage = (uint8_t)launch.failure.stage,
		.error = (int16_t)launch.failure.error };
	char text[sizeof(v->reload.text)];
	struct buf b = BUF_OVER(text);
	bool success;

	success = !o.failed_to_run && status == 0;
	if (v->machine.state != MACHINE_RELOAD)
		return; /* it was killed, or its service goes down */
	if (!success) {
		buf_clear(&b);
		buf_puts(&b, "reload_command: ");
		describe_put_outcome(&o, v->config.reload_command->argv[0], &b);
		fail(v, ECANCELED, text);
	}
	report(v, success);
}
