/* SPDX-License-Identifier: MIT */
#include "supervisor/pressure.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup.h"

#include <stddef.h>
#include <unistd.h>

#define WEIGHT_GUEST 1000 /* cpu.weight and io.weight; services have 100 */
/*
 * Page cache at memory.high does no harm, but the kernel reports it all the time. So PID 1 looks
 * again after a pause, which doubles while it finds nothing wrong.
 */
#define PAUSE_MIN_MS   20
#define PAUSE_MAX_MS   200
#define QUIET_MS       1000 /* after so long without an event, the pause is PAUSE_MIN_MS again */
#define DYING_MS       500  /* time for a killed service's memory to be freed */
#define DYING_PAUSE_MS 10

static void on_events(struct loop_io *io, uint32_t events);
static void on_pause_end(struct loop_timer *timer);

/* A file of events that was never read polls as changed: read it once. */
static int open_watched(int group, const char *file)
{
	int fd = cgroup_open_file(group, file);
	char text[16];

	if (fd >= 0)
		(void)!pread(fd, text, sizeof(text), 0);
	return fd;
}

static void watch_events(struct supervisor *s)
{
	int fd = open_watched(s->cgroups.fd, "memory.events");

	if (fd >= 0 && loop_add(s->loop, &s->pressure.events, fd, EPOLLPRI, on_events) != 0)
		close(fd);
}

/* Close the file during the pause: events would wake PID 1 again and again. */
static void pause_watch(struct supervisor *s, uint64_t ms)
{
	int fd = s->pressure.events.fd;

	if (fd >= 0) {
		loop_remove(s->loop, &s->pressure.events);
		close(fd);
	}
	s->pressure.timer.expire = on_pause_end;
	loop_timer_set(s->loop, &s->pressure.timer, clock_ms() + ms);
}

/* True half-way from memory.high to memory.max: the kernel cannot reclaim what it calls so. */
static bool is_near_max(const struct supervisor *s)
{
	const struct reserve *r = &s->pressure.reserve;
	uint64_t memory = cgroup_memory(s->cgroups.fd);

	return memory != CGROUP_UNSET &&
	       memory > r->memory_high + (r->memory_max - r->memory_high) / 2;
}

/* Find the service with most memory that the kernel cannot reclaim, and how much. NULL: none. */
static struct service *find_largest(struct supervisor *s, uint64_t *held)
{
	struct service *largest = NULL;
	bool is_short = is_near_max(s);

	*held = 0;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		uint64_t n;

		if (v->built_in || v->cgroup.fd < 0 || !cgroup_is_populated(v->cgroup.fd))
			continue;
		n = cgroup_unreclaimable(v->cgroup.fd, is_short);
		if (n > *held) {
			*held = n;
			largest = v;
		}
	}
	return largest;
}

static bool is_full(const struct supervisor *s)
{
	const struct reserve *r = &s->pressure.reserve;
	uint64_t slack = r->memory_max - r->memory_high;

	return cgroup_unreclaimable(s->cgroups.fd, is_near_max(s)) + slack >= r->memory_high;
}

/*
 * True while the kernel frees the memory of a service that was killed. Most is free when its
 * processes have ended; the rings of io_uring are freed later, after some RCU grace periods. Until
 * then no other service is to blame.
 */
static bool is_dying(const struct supervisor *s, uint64_t now)
{
	const struct pressure *p = &s->pressure;
	int fd = p->dying != NULL ? p->dying->cgroup.fd : -1;

	if (fd < 0 || now >= p->dying_until_ms)
		return false;
	return cgroup_is_populated(fd) ||
	       (is_full(s) && cgroup_unreclaimable(fd, true) > p->dying_bytes / 2);
}

static void set_dying(struct supervisor *s, struct service *v, uint64_t held, uint64_t now)
{
	s->pressure.dying = v;
	s->pressure.dying_bytes = held;
	s->pressure.dying_until_ms = now + DYING_MS;
}

bool pressure_holds_back(struct supervisor *s)
{
	struct pressure *p = &s->pressure;

	if (p->dying == NULL || !is_dying(s, clock_ms()))
		return false;
	p->has_held_back = true;
	return true;
}

/* Start the services that had to wait for a dying one. */
static void release(struct supervisor *s)
{
	if (!s->pressure.has_held_back || s->pressure.dying != NULL)
		return;
	s->pressure.has_held_back = false;
	for (struct service *v = s->services; v != NULL; v = v->next)
		s->reconsider(v);
}

/* If the services' memory is used up, kill the service that holds most of it. */
static void look(struct supervisor *s)
{
	struct pressure *p = &s->pressure;
	uint64_t now = clock_ms(), held;
	struct service *v, *before = p->dying;
	bool full;

	if (now - p->looked_ms > QUIET_MS)
		p->pause_ms = PAUSE_MIN_MS;
	p->looked_ms = now;
	if (is_dying(s, now)) {
		pause_watch(s, DYING_PAUSE_MS);
		return;
	}
	p->dying = NULL;
	full = is_full(s);
	if (!s->cgroups.has_controllers && full) {
		/* Nothing counts each service's memory yet. Start now: new memory will be counted.
		 */
		pressure_count_services(s);
		pause_watch(s, PAUSE_MIN_MS);
		return;
	}
	v = full ? find_largest(s, &held) : NULL;
	if (v == NULL) {
		pause_watch(s, p->pause_ms);
		p->pause_ms = p->pause_ms * 2 < PAUSE_MAX_MS ? p->pause_ms * 2 : PAUSE_MAX_MS;
		return;
	}
	v->cgroup.held_bytes = held;
	/* One that does not die, as while it waits for a device, must not hold back all others. */
	if (v != before)
		set_dying(s, v, held, now);
	p->pause_ms = PAUSE_MIN_MS;
	v->cgroup.is_spent |= cgroup_kill(v->cgroup.fd) == 0;
	pause_watch(s, DYING_PAUSE_MS);
}

static void on_events(struct loop_io *io, uint32_t events)
{
	(void)events;
	look(LOOP_OWNER(io, struct supervisor, pressure.events));
}

/* Events during the pause were missed: look if memory is short. */
static void on_pause_end(struct loop_timer *timer)
{
	struct supervisor *s = LOOP_OWNER(timer, struct supervisor, pressure.timer);

	watch_events(s);
	if (s->pressure.dying != NULL || is_full(s))
		look(s);
	release(s);
}

/* Errors are ignored: cgroups_enable() has reported a controller that the kernel lacks. */
static void set_limit(int fd, const char *file, uint64_t value)
{
	struct problem p;

	if (fd >= 0)
		(void)cgroup_set_limit(fd, file, value, &p);
}

void pressure_open(
	struct supervisor *s, const struct reserve *reserve, const struct reporter *report)
{
	s->pressure.reserve = *reserve;
	cgroups_enable(-1, CGROUP_MEMORY, report);
	set_limit(s->cgroups.fd, "memory.max", reserve->memory_max);
	set_limit(s->cgroups.fd, "memory.high", reserve->memory_high);
	watch_events(s);
}

void pressure_open_rest(struct supervisor *s, const struct reporter *report)
{
	cgroups_enable(-1, CGROUP_CPU | CGROUP_PIDS, report);
	set_limit(s->cgroups.fd, "pids.max", s->pressure.reserve.tasks_high);
	set_limit(s->cgroups.guest_fd, "cpu.weight", WEIGHT_GUEST);
	set_limit(s->cgroups.guest_fd, "io.weight", WEIGHT_GUEST);
}

void pressure_count_services(struct supervisor *s)
{
	if (s->cgroups.has_controllers || s->cgroups.fd < 0)
		return;
	s->cgroups.has_controllers = true;
	cgroups_enable(-1, CGROUP_CONTROLLERS, &log_problems);
	cgroups_enable(s->cgroups.fd, CGROUP_CONTROLLERS, &log_problems);
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->cgroup.fd >= 0)
			pressure_watch(v);
}

/* ---- one service ----------------------------------------------------------------------------- */

/* Find the service with most tasks among those without a cap. NULL: none. */
static struct service *find_most_tasks(struct supervisor *s, uint64_t *tasks)
{
	struct service *most = NULL;

	*tasks = 0;
	for (struct service *v = s->services; v != NULL; v = v->next) {
		struct cgroup_usage usage;

		if (v->built_in || v->cgroup.fd < 0 || v->cgroup.is_capped)
			continue;
		cgroup_usage(v->cgroup.fd, &usage);
		if (usage.tasks != CGROUP_UNSET && usage.tasks > *tasks) {
			*tasks = usage.tasks;
			most = v;
		}
	}
	return most;
}

/*
 * All services together have reached tasks_high. Cap the service with most tasks, and give the rest
 * up to tasks_max to the others.
 */
static void cap_tasks(struct supervisor *s)
{
	const struct reserve *r = &s->pressure.reserve;
	uint64_t tasks;
	struct service *v = find_most_tasks(s, &tasks);

	if (v == NULL)
		return;
	v->cgroup.is_capped = true;
	set_limit(v->cgroup.fd, "pids.max", tasks);
	set_limit(s->cgroups.fd, "pids.max", r->tasks_max);
	log_line("%s: has %llu of the %llu tasks allowed for all services: no new processes",
		v->name, (unsigned long long)tasks, (unsigned long long)r->tasks_max);
}

/* The kernel has refused the service a process. Reading the file ends the event. */
static void on_fork_event(struct loop_io *io, uint32_t events)
{
	struct service *v = LOOP_OWNER(io, struct service, cgroup.fork_events);
	uint64_t limit = v->config.cgroup.tasks_max;
	struct cgroup_usage usage;
	char text[64];

	(void)events;
	(void)!pread(io->fd, text, sizeof(text), 0);
	cgroup_usage(v->cgroup.fd, &usage);
	if (v->cgroup.is_capped || usage.tasks == CGROUP_UNSET)
		return;
	if (limit >= CGROUP_MAX || usage.tasks < limit) {
		if (v->owner->pressure.reserve.memory_max != 0)
			cap_tasks(v->owner);
	} else if (!v->cgroup.fork_was_refused) {
		v->cgroup.fork_was_refused = true;
		log_line("%s: has %llu tasks, its tasks_max: no new processes", v->name,
			(unsigned long long)limit);
	}
}

void pressure_explain_end(struct service *v)
{
	struct outcome *o = &v->last.outcome;
	struct supervisor *s = v->owner;
	bool has_limit =
		v->config.cgroup.memory_max < CGROUP_MAX || s->pressure.reserve.memory_max == 0;

	o->services_full = v->cgroup.held_bytes > 0 || (o->out_of_memory && !has_limit);
	o->held_mib = (uint32_t)(v->cgroup.held_bytes >> 20);
	if (!o->services_full)
		return;
	o->out_of_memory = false;
	if (s->pressure.dying == NULL) { /* the kernel was faster */
		set_dying(s, v, cgroup_unreclaimable(v->cgroup.fd, true), clock_ms());
		pause_watch(s, DYING_PAUSE_MS);
	}
}

void pressure_uncap(struct service *v)
{
	uint64_t limit = v->config.cgroup.tasks_max;

	if (v->cgroup.is_capped)
		set_limit(v->cgroup.fd, "pids.max", limit == CGROUP_UNSET ? CGROUP_MAX : limit);
	v->cgroup.is_capped = false;
}

void pressure_watch(struct service *v)
{
	int fd;

	if (v->built_in || !v->owner->cgroups.has_controllers || v->cgroup.fork_events.fd >= 0)
		return;
	v->cgroup.is_capped = false;
	if (v->owner->pressure.reserve.memory_max != 0)
		set_limit(v->cgroup.fd, "memory.oom.group", 1);
	fd = open_watched(v->cgroup.fd, "pids.events");
	if (fd >= 0 &&
		loop_add(v->owner->loop, &v->cgroup.fork_events, fd, EPOLLPRI, on_fork_event) != 0)
		close(fd);
}

void pressure_unwatch(struct service *v)
{
	int fd = v->cgroup.fork_events.fd;

	if (v->owner->pressure.dying == v)
		v->owner->pressure.dying = NULL;
	if (fd < 0)
		return;
	loop_remove(v->owner->loop, &v->cgroup.fork_events);
	close(fd);
}
