/* SPDX-License-Identifier: MIT */
#include "init/verbs.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "init/guest.h"
#include "init/machine_id.h"
#include "init/network.h"
#include "init/random_pool.h"
#include "init/refresh.h"
#include "init/reload.h"
#include "init/restore_clock.h"
#include "init/shutdown.h"
#include "supervisor/collector_link.h"
#include "supervisor/describe.h"
#include "supervisor/process.h"
#include "supervisor/service_reload.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define EVENTS_ANSWER_MAX 256 /* events that answer one request */

static struct guest *guest_of(struct control *c)
{
	return LOOP_OWNER(c, struct guest, control);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

/* Make the last message, with 0 or an errno value and `text`, or the errno's text if that is NULL.
 */
static bool done(struct control_job *job, int error, const char *text)
{
	struct control_message *m = &job->answer;

	m->kind = CONTROL_DONE;
	m->error = error;
	if (error != 0)
		buf_format(m->text, sizeof(m->text), "%s",
			text != NULL ? text : problem_errno_text(error));
	return true;
}

static bool step(
	struct control_job *job, const char *name, uint64_t start_us, int error, const char *text)
{
	struct control_step *s = &job->answer.step;

	job->answer.kind = CONTROL_STEP;
	buf_format(s->name, sizeof(s->name), "%s", name);
	buf_format(s->text, sizeof(s->text), "%s",
		text != NULL ? text
		: error != 0 ? problem_errno_text(error)
			     : "");
	s->error = error;
	s->start_us = start_us;
	s->duration_us = clock_us() - start_us;
	if (error != 0 && job->error == 0)
		job->error = error;
	return true;
}

/* ---- services ---------------------------------------------------------------------------------
 */

static void describe_service(const struct service *v, struct control_service *out)
{
	const struct machine *m = &v->machine;
	struct cgroup_usage usage = { CGROUP_UNSET, CGROUP_UNSET, CGROUP_UNSET };
	uint64_t now = clock_ms();
	struct buf reason;

	buf_init(&reason, out->reason, sizeof(out->reason));
	buf_format(out->name, sizeof(out->name), "%s", v->name);
	buf_format(out->state, sizeof(out->state), "%s", machine_state_name(m->state));
	if (v->problem != NULL)
		buf_puts(&reason, v->problem);
	else if (machine_is_active(m) && v->notify.status[0] != '\0')
		buf_puts(&reason, v->notify.status);
	else if (v->last.has_ended)
		describe_end(v, &reason);
	out->pid = v->pid;
	out->uid = v->account != NULL ? v->account->uid : UINT32_MAX;
	out->gid = v->account != NULL ? v->account->gid : UINT32_MAX;
	out->state_ms = now - m->entered_ms;
	out->restarts = m->restarts;
	out->failures = m->failures;
	out->next_start_ms = m->state != MACHINE_BACKOFF ? UINT64_MAX
			     : m->due_ms > now           ? m->due_ms - now
							 : 0;
	out->exit_code = v->last.has_ended ? spawn_exit_code(v->last.outcome.status) : -1;
	out->built_in = v->built_in;
	if (v->cgroup.fd >= 0)
		cgroup_usage(v->cgroup.fd, &usage);
	out->memory_bytes = usage.memory_bytes;
	out->cpu_us = usage.cpu_us == CGROUP_UNSET ? usage.cpu_us
						   : usage.cpu_us + v->cgroup.cpu_before_us;
	out->tasks = usage.tasks;
	out->oom_kills = v->cgroup.oom_kills;
}

/* Continue after a name: services are sorted, so this works although others were added or removed.
 */
static struct service *service_after(struct supervisor *s, const char *name)
{
	struct service *v = s->services;

	while (v != NULL && strcmp(v->name, name) <= 0)
		v = v->next;
	return v;
}

static bool next_services(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	bool one = job->stage == 0 && job->request.name[0] != '\0';
	struct service *v = one ? supervisor_find(&g->supervisor, job->request.name)
				: service_after(&g->supervisor, job->request.name);

	if (job->stage == 2 || (v == NULL && !one))
		return done(job, 0, NULL);
	if (v == NULL)
		return done(job, ENOENT, "no such service");
	job->stage = one ? 2 : 1;
	memcpy(job->request.name, v->name, sizeof(job->request.name));
	job->answer.kind = CONTROL_ITEM;
	describe_service(v, &job->answer.service);
	return true;
}

static bool next_restart(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct service *v = supervisor_find(&g->supervisor, job->request.name);

	if (v == NULL)
		return done(job, ENOENT, "no such service");
	if (v->problem != NULL)
		return done(job, EINVAL, v->problem);
	if (job->stage++ == 0)
		supervisor_event(v, MACHINE_EV_RESTART, NULL);
	if (v->file.next != NULL)
		return false; /* the changed file restarts it */
	switch (v->machine.state) {
	case MACHINE_RUNNING:
	case MACHINE_RELOAD:
	case MACHINE_EXITED:
		return done(job, 0, NULL);
	case MACHINE_BACKOFF:
	case MACHINE_FAILED:
	case MACHINE_INACTIVE:
		return done(job, ECANCELED, "the service has not come up again");
	case MACHINE_WAITING:
	case MACHINE_PRE:
	case MACHINE_START:
	case MACHINE_STOP:
	case MACHINE_KILL:
	case MACHINE_STATES:
		break;
	}
	return false;
}

/*
 * The agent has run the health check of a service: a pass may make it ready, and failures in a row
 * may restart it.
 */
static bool next_health(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct service *v = supervisor_find(&g->supervisor, job->request.name);
	int err = v == NULL ? -ENOENT
			    : supervisor_health(v, job->request.value != 0, job->request.position);

	return done(job, -err, NULL);
}

/* ---- the guest --------------------------------------------------------------------------------
 */

static bool next_hello(struct control *c, struct control_job *job)
{
	(void)c;
	if (job->stage++ > 0)
		return done(job, 0, NULL);
	job->answer.kind = CONTROL_ITEM;
	buf_format(job->answer.text, sizeof(job->answer.text), "%s", PROGRAM_VERSION);
	return true;
}

/* Each request needs a sync that begins after it. One runs at a time. */
static bool next_sync(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	static const char *const names[SYNC_PARTS] = { "sync", "drop-caches" };
	struct sync_work *s = &g->sync;
	bool drops_caches = job->request.value == 0;
	const struct sync_part *part;
	int err;

	if (s->io.fd >= 0 || (job->stage == 0 && s->claimed))
		return false;
	if (job->stage == 0) {
		/* Only SleepPrep wants the cache dropped; whether it freezes, an option decides. */
		g->was_prepared |= drops_caches;
		err = sync_begin(s, drops_caches);
		s->claimed = err == 0;
		job->stage++;
		return err != 0 && done(job, -err, NULL);
	}
	if (job->stage > (drops_caches ? SYNC_PARTS : 1)) {
		s->claimed = false;
		return done(job, job->error, NULL);
	}
	part = &s->parts[job->stage - 1];
	step(job, names[job->stage++ - 1], part->start_us, (int)part->error, NULL);
	job->answer.step.duration_us = part->end_us - part->start_us;
	return true;
}

static bool next_freeze(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	int err = supervisor_freeze(&g->supervisor, job->request.verb == CONTROL_FREEZE);

	return done(job, -err, NULL);
}

static bool next_clock(struct control *c, struct control_job *job)
{
	const struct control_message *m = &job->request;
	int err = m->value != 0 ? restore_clock_set_to(m->value, m->position) : restore_clock_set();

	(void)c;
	return done(job, -err, err == -ENOENT ? "no PTP clock: clock not changed" : NULL);
}

static bool next_reseed(struct control *c, struct control_job *job)
{
	int err = random_pool_reseed();

	(void)c;
	machine_id_renew(&log_problems);
	return done(job, -err,
		err == -ENOENT ? "no hardware generator: only the time was mixed in" : NULL);
}

static bool next_refresh(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct refresh_step s;

	if (job->stage++ == 0)
		refresh_begin(g);
	switch (refresh_next(g, &s)) {
	case REFRESH_WAIT:
		return false;
	case REFRESH_STEP:
		return step(job, s.name, s.start_us, s.error, s.text);
	case REFRESH_DONE:
		break;
	}
	return done(job, job->error, NULL);
}

static bool next_resume(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	if (job->stage++ == 0)
		refresh_end(g);
	if (!supervisor_has_settled(&g->supervisor))
		return false;
	return done(job, 0, NULL);
}

static bool next_address(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct problem p;
	int err = network_readdress(&g->network.config, job->request.text, &p);

	return done(job, -err, err != 0 ? p.text : NULL);
}

static bool next_shutdown(struct control *c, struct control_job *job)
{
	(void)c;
	return done(job, 0, NULL);
}

static void begin_shutdown(struct control *c, const struct control_job *job)
{
	shutdown_begin(guest_of(c), job->request.value == 1 ? POWER_OFF : POWER_RESTART);
}

static bool next_timeline(struct control *c, struct control_job *job)
{
	const struct guest *g = guest_of(c);
	const struct boot_stage *s = &g->boot.stages[job->stage];

	if (job->stage >= g->boot.stage_count)
		return done(job, 0, NULL);
	job->stage++;
	step(job, s->name, s->start_us, 0, NULL);
	job->answer.kind = CONTROL_ITEM;
	job->answer.step.duration_us = s->end_us - s->start_us;
	return true;
}

/* Send the oldest bytes first, and bytes that arrive meanwhile, too. */
static bool next_logs(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	const struct service *v = supervisor_find(&g->supervisor, job->request.name);
	struct control_message *m = &job->answer;
	uint64_t *at = &job->request.position;
	long n;

	if (v == NULL)
		return done(job, ENOENT, "no such service");
	if (job->stage++ == 0 && *at == 0)
		output_find_lines(v, job->request.value, at);
	m->value = 0;
	n = output_read(v, at, m->data, sizeof(m->data), &m->value);
	if (n <= 0) {
		m->position = *at;
		return done(job, n < 0 ? (int)-n : 0, NULL);
	}
	*at += (uint64_t)n;
	m->kind = CONTROL_ITEM;
	m->length = (uint16_t)n;
	m->position = *at;
	return true;
}

/* One list at a time. */
static bool next_changes(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct control_message *m = &job->answer;
	ssize_t n = 0;

	if (job->stage == 0) {
		if (g->changes.fd >= 0)
			return false;
		job->error = -changes_begin(&g->changes);
		job->stage++;
	}
	if (job->error == 0)
		n = changes_read(&g->changes, m->data, sizeof(m->data));
	if (n == -EAGAIN)
		return false;
	if (n <= 0)
		return done(job, job->error,
			job->error == ENOENT ? "this guest has no overlay: its root is writable"
					     : NULL);
	m->kind = CONTROL_ITEM;
	m->length = (uint16_t)n;
	return true;
}

/* ---- events and reload ------------------------------------------------------------------------
 */

static void describe_transition(struct guest *g, const struct transition *t, uint64_t number,
	struct control_transition *out)
{
	const struct service *v;
	struct buf reason;

	buf_init(&reason, out->reason, sizeof(out->reason));
	out->number = number;
	out->at_ms = t->at_ms;
	memcpy(out->name, t->name, sizeof(out->name));
	buf_format(out->before, sizeof(out->before), "%s", machine_state_name(t->before));
	buf_format(out->after, sizeof(out->after), "%s", machine_state_name(t->after));
	buf_format(out->cause, sizeof(out->cause), "%s", events_cause(t->cause));
	if (t->has_outcome)
		describe_put_outcome(&t->outcome, NULL, &reason);
	else if (t->outcome.error != 0)
		buf_puts(&reason, problem_errno_text(t->outcome.error));
	else if (t->cause == EVENTS_CANNOT_RUN &&
		 (v = supervisor_find(&g->supervisor, t->name)) != NULL && v->problem != NULL)
		buf_puts(&reason, v->problem);
	out->pid = t->pid;
	out->exit_code = t->has_outcome ? spawn_exit_code(t->outcome.status) : -1;
}

static bool next_events(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct control_message *m = &job->answer;
	uint64_t *at = &job->request.position;
	const struct transition *t;

	while (m->value < CONTROL_TRANSITIONS_MAX && job->stage < EVENTS_ANSWER_MAX) {
		t = events_next(&g->events, job->request.name, at, &job->lost);
		if (t == NULL) {
			control_watch_events(c, *at);
			break;
		}
		describe_transition(g, t, *at, &m->transitions[m->value++]);
		++*at;
		job->stage++;
	}
	m->position = *at;
	m->kind = CONTROL_ITEM;
	if (m->value > 0)
		return true;
	m->value = job->lost;
	return done(job, 0, NULL);
}

/*
 * Only the latest reload waits for its services: requests whose services never settle must not use
 * up the jobs. `value` of the request is the number of its reload.
 */
static bool next_reload(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	const struct reload *r = &g->supervisor.reload;
	struct control_message *m = &job->answer;
	int err = 0;

	m->kind = CONTROL_ITEM;
	if (job->stage == 0) {
		job->stage++;
		err = reload_services(g);
		job->request.value = r->number;
		m->reload = (struct control_reload){ (uint32_t)r->started, (uint32_t)r->stopped,
			(uint32_t)r->restarted, (uint32_t)r->unchanged };
		return err == 0 ||
		       done(job, -err, err == -ESHUTDOWN ? "the guest is shutting down" : NULL);
	}
	if (g->shutdown.begun || job->request.value != r->number)
		return done(job, ECANCELED,
			g->shutdown.begun ? "the guest is shutting down"
					  : "replaced by a later reload");
	if (job->stage == 1 && !supervisor_has_reloaded(&g->supervisor))
		return false;
	if (job->stage > r->bad.count)
		return done(job, 0, NULL);
	buf_format(m->text, sizeof(m->text), "%s", r->bad.list[job->stage++ - 1]);
	m->value = 1;
	return true;
}

/* `value` of the request is the number of the service's reload. */
static bool next_reload_service(struct control *c, struct control_job *job)
{
	struct guest *g = guest_of(c);
	struct service *v = supervisor_find(&g->supervisor, job->request.name);
	struct problem p;
	int err;

	if (v == NULL)
		return done(job, ENOENT, "no such service");
	if (v->problem != NULL)
		return done(job, EINVAL, v->problem);
	if (job->stage == 0) {
		err = service_reload_begin(v, &p);
		if (err == -EAGAIN)
			return false;
		if (err != 0)
			return done(job, -err, p.text);
		job->stage = 1;
		job->request.value = v->reload.number;
	}
	if (v->reload.ended < job->request.value)
		return false;
	return done(job, v->reload.error, v->reload.text);
}

static const struct control_operation verbs[] = {
	[CONTROL_HELLO] = { .next = next_hello },
	[CONTROL_SERVICES] = { .next = next_services },
	[CONTROL_RESTART] = { .next = next_restart, .gives_way = true },
	[CONTROL_SYNC] = { .next = next_sync, .gives_way_at_first = true },
	[CONTROL_FREEZE] = { .next = next_freeze },
	[CONTROL_THAW] = { .next = next_freeze },
	[CONTROL_CLOCK] = { .next = next_clock },
	[CONTROL_RESEED] = { .next = next_reseed },
	[CONTROL_REFRESH] = { .next = next_refresh },
	[CONTROL_ADDRESS] = { .next = next_address },
	[CONTROL_RESUME] = { .next = next_resume, .gives_way = true },
	[CONTROL_SHUTDOWN] = { .next = next_shutdown, .finished = begin_shutdown },
	[CONTROL_LOGS] = { .next = next_logs },
	[CONTROL_TIMELINE] = { .next = next_timeline },
	[CONTROL_HEALTH] = { .next = next_health },
	[CONTROL_EVENTS] = { .next = next_events },
	[CONTROL_RELOAD] = { .next = next_reload, .gives_way = true },
	[CONTROL_RELOAD_SERVICE] = { .next = next_reload_service, .gives_way = true },
	[CONTROL_CHANGES] = { .next = next_changes },
};

/* When the agent dies in the middle of a snapshot or a restore, thaw and start the services. */
static void closed(struct control *c)
{
	struct guest *g = guest_of(c);

	g->sync.claimed = false;
	changes_close(&g->changes);
	supervisor_freeze(&g->supervisor, false);
	if (g->supervisor.held && !g->refresh.alone)
		refresh_end(g);
}

const struct control_operations verbs_operations = {
	.verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
	.closed = closed,
};
