/* SPDX-License-Identifier: MIT */
/* What is done to all services at once: starting, stopping, holding, freezing. */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"

#include <stddef.h>

size_t supervisor_count(const struct supervisor *s, bool runnable)
{
	size_t n = 0;

	for (const struct service *v = s->services; v != NULL; v = v->next)
		n += !v->built_in && (!runnable || v->problem == NULL);
	return n;
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

/* Made when the first one that needs it is to start, at boot or later. */
static void open_notify(struct supervisor *s)
{
	int err = s->notify.fd < 0 ? notify_open(s) : 0;

	if (err != 0)
		log_line("cannot open " NOTIFY_SOCKET_PATH ": %s", problem_errno_text(-err));
}

void supervisor_want(struct service *v)
{
	v->machine.wanted = v->problem == NULL && !is_scheduled(v);
	index_count(v);
}

void supervisor_begin(struct service *v)
{
	if (v->problem != NULL)
		return;
	if (v->config.rules.ready == MACHINE_READY_NOTIFY)
		open_notify(v->owner);
	if (is_scheduled(v))
		arm_schedule(v);
	else
		supervisor_event(v, MACHINE_EV_START, NULL);
}

void supervisor_start_all(struct supervisor *s, bool built_in)
{
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->built_in == built_in)
			supervisor_want(v);
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->built_in == built_in)
			supervisor_begin(v);
}

static void stop_one(struct service *v)
{
	uint64_t now = clock_ms(),
		 left = v->owner->stop_by_ms > now ? v->owner->stop_by_ms - now : 0;

	if (v->machine.rules.stop_timeout > left)
		v->machine.rules.stop_timeout = left;
	supervisor_event(v, MACHINE_EV_STOP, NULL);
}

void supervisor_stop_next(struct service *v)
{
	if (v->machine.wanted && (!v->built_in || v->owner->stop_built_in) && !order_is_needed(v))
		stop_one(v);
}

/*
 * The time is over: whoever was waited for, everything goes, and what was to stop before has had
 * its time, too.
 */
static void on_stop_deadline(struct loop_timer *timer)
{
	struct supervisor *s = LOOP_OWNER(timer, struct supervisor, stop_timer);

	for (struct service *v = s->services; v != NULL; v = v->next) {
		if (v->built_in && !s->stop_built_in)
			continue;
		if (v->machine.wanted)
			stop_one(v);
		supervisor_event(v, MACHINE_EV_TIMEOUT, NULL);
	}
}

void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms)
{
	s->stop_by_ms = clock_ms() + timeout_ms;
	s->stop_built_in = built_in;
	s->stop_timer.expire = on_stop_deadline;
	loop_timer_set(s->loop, &s->stop_timer, s->stop_by_ms);
	for (struct service *v = s->services; v != NULL; v = v->next)
		supervisor_stop_next(v);
}

bool supervisor_is_active(const struct supervisor *s, bool built_in)
{
	return s->index.active[0] + (built_in ? s->index.active[1] : 0) > 0;
}

void supervisor_hold(struct supervisor *s, uint64_t timeout_ms)
{
	s->held = true;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		if (v->built_in || v->problem != NULL || !v->machine.wanted ||
			v->machine.state == MACHINE_EXITED || v->machine.state == MACHINE_FAILED)
			continue;
		if (v->machine.rules.stop_timeout > timeout_ms)
			v->machine.rules.stop_timeout = timeout_ms;
		supervisor_event(v, MACHINE_EV_RESTART, NULL);
	}
}

void supervisor_release(struct supervisor *s)
{
	s->held = false;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		v->machine.rules.stop_timeout = v->config.rules.stop_timeout;
		supervisor_reconsider(v);
	}
}

bool supervisor_has_settled(const struct supervisor *s)
{
	return s->index.on_their_way == 0;
}

int supervisor_freeze(struct supervisor *s, bool frozen)
{
	int first = 0;

	for (const struct service *v = s->services; v != NULL; v = v->next) {
		int err = v->built_in || v->cgroup_fd < 0 ? 0 : cgroup_freeze(v->cgroup_fd, frozen);

		if (err != 0 && first == 0)
			first = err;
	}
	return first;
}

void supervisor_health(struct service *v, bool healthy)
{
	unsigned int limit = v->config.unhealthy_restart_after;

	if (healthy) {
		v->unhealthy = 0;
		if (v->config.rules.ready == MACHINE_READY_HEALTHY)
			supervisor_event(v, MACHINE_EV_READY, NULL);
		return;
	}
	if (v->machine.state != MACHINE_RUNNING || limit == 0 || ++v->unhealthy < limit)
		return;
	log_line("%s: %u failed health checks in a row: restarted", v->name, v->unhealthy);
	v->unhealthy = 0;
	supervisor_event(v, MACHINE_EV_RESTART, NULL);
}
