/* SPDX-License-Identifier: MIT */
/* Operations on all services: starting, stopping, holding, freezing. */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/index.h"
#include "supervisor/order.h"

#include <errno.h>
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

/* A scheduled start is due. While the service runs, the machine ignores START. */
static void on_schedule(struct loop_timer *timer)
{
	struct service *v = LOOP_OWNER(timer, struct service, schedule);
	uint64_t now = clock_ms(), interval = v->config.on_interval;

	if (v->owner->stopping.by_ms != 0)
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

void supervisor_want(struct service *v)
{
	v->machine.wanted = v->problem == NULL && !is_scheduled(v);
	index_count(v);
}

void supervisor_begin(struct service *v)
{
	if (v->problem != NULL)
		return;
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
		 left = v->owner->stopping.by_ms > now ? v->owner->stopping.by_ms - now : 0;

	machine_cap_stop(&v->machine, left);
	supervisor_event(v, MACHINE_EV_STOP, NULL);
}

void supervisor_stop_next(struct service *v)
{
	if (v->machine.wanted && (!v->built_in || v->owner->stopping.includes_built_in) &&
		!order_is_needed(v))
		stop_one(v);
}

/* Deadline passed: stop everything now, ignoring order. */
static void on_stop_deadline(struct loop_timer *timer)
{
	struct supervisor *s = LOOP_OWNER(timer, struct supervisor, stopping.timer);

	for (struct service *v = s->services; v != NULL; v = v->next) {
		if (v->built_in && !s->stopping.includes_built_in)
			continue;
		if (v->machine.wanted)
			stop_one(v);
		supervisor_event(v, MACHINE_EV_TIMEOUT, NULL);
	}
}

void supervisor_stop_all(struct supervisor *s, bool built_in, uint64_t timeout_ms)
{
	s->stopping.by_ms = clock_ms() + timeout_ms;
	s->stopping.includes_built_in = built_in;
	s->stopping.timer.expire = on_stop_deadline;
	loop_timer_set(s->loop, &s->stopping.timer, s->stopping.by_ms);
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
		machine_cap_stop(&v->machine, timeout_ms);
		supervisor_event(v, MACHINE_EV_RESTART, NULL);
	}
}

void supervisor_release(struct supervisor *s)
{
	s->held = false;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		v->machine.has_stop_cap = false;
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

	s->is_frozen = frozen;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		int err = v->built_in || v->cgroup.fd < 0 ? 0 : cgroup_freeze(v->cgroup.fd, frozen);

		if (err != 0 && first == 0)
			first = err;
	}
	return first;
}

int supervisor_health(struct service *v, bool healthy, uint64_t begun_ms)
{
	unsigned int limit = v->config.unhealthy_restart_after;

	if (begun_ms < v->machine.started_ms)
		return -ESTALE;
	if (healthy) {
		v->unhealthy = 0;
		if (v->config.rules.ready == MACHINE_READY_HEALTHY)
			supervisor_event(v, MACHINE_EV_READY, NULL);
		return 0;
	}
	if (!machine_is_ready(&v->machine) || limit == 0 || ++v->unhealthy < limit)
		return 0;
	log_line("%s: %u failed health checks in a row: restarted", v->name, v->unhealthy);
	v->unhealthy = 0;
	supervisor_event(v, MACHINE_EV_RESTART, NULL);
	return 0;
}
