/* SPDX-License-Identifier: MIT */
#include "agent/requests/restore.h"

#include "agent/checks/console_text.h"
#include "agent/checks/hook.h"
#include "agent/link/boot_clock.h"
#include "agent/link/channel.h"
#include "agent/requests/ack_detail.h"
#include "agent/wire/pending.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/fields.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MS    8000  /* the host waits ten seconds */
#define HOOKS_MS    60000 /* limit for the restore_cmd of an integration */
#define STEP_MS     60000 /* limit for an answer of PID 1 */
#define CONFIG_MAX  65536
#define ADDRESS_MAX 64

/* A client that waits. */
struct waiter {
	struct pending work;
	struct restore *restore;
	struct waiter *next;
	enum message_kind kind;
};

struct restore {
	struct pending work; /* its timer limits the wait for PID 1 */
	struct waiter *waiters;
	size_t step; /* index into the table below */
	struct channel_call call;
	struct host_time host;
	bool has_asked_host, knows_time; /* host.time is what the host says */
	struct hook_set hooks;
	struct ack_detail detail;
};

/* ---- replies --------------------------------------------------------------------------------- */

struct ack {
	enum message_kind kind;
	bool success;
	const struct ack_detail *detail;
};

static void write_ack(struct buf *b, const void *arg)
{
	const struct ack *ack = arg;

	ack_detail_write(ack->detail, b, messages[ack->kind].answers[0], ack->success);
}

/* Reply to a waiter, if it is still there, and free it. */
static void answer(struct waiter *w, bool success, const struct ack_detail *detail)
{
	struct ack ack = { .kind = w->kind, .success = success, .detail = detail };
	struct waiter **link = &w->restore->waiters;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	pending_reply(&w->work, write_ack, &ack);
	pending_end(&w->work);
	free(w);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static bool have_address(struct restore *r);

static const struct step {
	enum control_verb verb;
	const char *name;
	bool (*wanted)(struct restore *r); /* True if the step is needed; NULL: always */
	int harmless; /* an errno value that means "nothing to do", not a failure */
} steps[] = {
	{ CONTROL_THAW, "thaw", NULL, 0 },
	{ CONTROL_CLOCK, "clock", NULL, ENOENT },
	{ CONTROL_RESEED, "random numbers", NULL, ENOENT },
	{ CONTROL_REFRESH, "refresh", NULL, 0 },
	{ CONTROL_ADDRESS, "address", have_address, 0 },
	{ CONTROL_RESUME, "services", NULL, 0 },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

struct host_config {
	char *guest_ip;
};

static const struct field host_config_rows[] = {
	{ .name = "guest_ip",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct host_config, guest_ip) },
};
static const struct fields host_config_fields = FIELDS_OF(host_config_rows, struct host_config);

/* Read the address that the host gives this guest. False, with `p` unless the file is absent. */
static bool read_address(const char *path, char address[ADDRESS_MAX], struct problem *p)
{
	struct host_config config = { 0 };
	struct problem reason;
	struct json value;
	size_t len;
	char *text;
	int err = file_read_alloc(path, CONFIG_MAX, &text, &len);

	p->code = 0;
	if (err == -ENOENT)
		return false;
	if (err != 0) {
		problem_set(p, -err, "%s", path);
		return false;
	}
	err = json_check(text, len, &value, &reason);
	if (err == 0)
		err = fields_decode(&host_config_fields, text, value, &config, &reason);
	free(text);
	if (err != 0)
		problem_set_text(p, -err, "%s: %s", path, reason.text);
	else if (config.guest_ip != NULL)
		buf_format(address, ADDRESS_MAX, "%s", config.guest_ip);
	err = err == 0 && config.guest_ip != NULL ? 0 : -EINVAL;
	fields_free(&host_config_fields, &config);
	return err == 0;
}

static bool have_address(struct restore *r)
{
	char address[ADDRESS_MAX];
	struct problem p;

	if (read_address(r->work.agent->paths.host_config, address, &p)) {
		channel_set_text(&r->call, address);
		return true;
	}
	if (p.code != 0) {
		r->detail.failed = true;
		ack_detail_add(&r->detail, "address: %s", p.text);
	}
	return false;
}

static void next_step(struct restore *r);

static void step_result(struct restore *r, const char *name, int error, const char *text)
{
	if (error == 0 && text[0] == '\0')
		ack_detail_add(&r->detail, "%s", name);
	else
		ack_detail_add(&r->detail, "%s: %s", name,
			text[0] != '\0' ? text : problem_errno_text(error));
}

/* PID 1 reports each part of a step. */
static void step_part(struct channel_call *call, const struct control_message *m)
{
	struct restore *r = call->owner;

	if (m->kind == CONTROL_STEP)
		step_result(r, m->step.name, m->step.error, m->step.text);
}

static void step_done(struct channel_call *call, int error, const char *text)
{
	struct restore *r = call->owner;
	const struct step *s = &steps[r->step];

	/* The parts of a refresh were reported one by one. */
	if (error != 0 || s->verb != CONTROL_REFRESH)
		step_result(r, s->name, error, text);
	if (error != 0 && error != s->harmless)
		r->detail.failed = true;
	r->step++;
	next_step(r);
}

static void no_answer(struct loop_timer *timer)
{
	struct restore *r = LOOP_OWNER(timer, struct restore, work.timer);

	channel_drop(&r->call);
	step_done(&r->call, ETIMEDOUT, "init does not answer");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void finish(struct restore *r)
{
	struct agent *a = r->work.agent;
	struct activity_sample now = activity_sample(a->jobs.used_us);
	char quoted[LOG_LINE_MAX];

	log_line("restored%s: %s", r->detail.failed ? " with failures" : "",
		console_text(r->detail.text, quoted, sizeof(quoted)));
	activity_begin(&a->activity, &now);
	monitors_start_over(&a->integrations);
	monitors_start_over(&a->probes);
	a->history.changed = true;
	while (r->waiters != NULL)
		answer(r->waiters, !r->detail.failed, &r->detail);
	pending_end(&r->work);
	a->restore = NULL;
	hook_set_free(&r->hooks);
	free(r);
}

static void hooks_done(struct hook_set *set)
{
	struct restore *r = set->owner;

	for (size_t i = 0; i < set->count; i++) {
		const struct hook *hook = &set->hooks[i];

		if (hook->failed)
			r->detail.failed = true;
		ack_detail_add(&r->detail, "restore_cmd of %s%s%s", hook->name,
			hook->failed ? ": " : "", hook->failed ? hook->detail : "");
	}
	finish(r);
}

static void run_hooks(struct restore *r)
{
	const struct monitors *m = &r->work.agent->integrations;

	loop_timer_clear(&r->work.agent->loop, &r->work.timer);
	if (hook_set_init(&r->hooks, &r->work.agent->hooks, HOOK_RESTORE, m->count) != 0) {
		r->detail.failed = true;
		ack_detail_add(&r->detail, "restore commands: out of memory");
		finish(r);
		return;
	}
	r->hooks.done = hooks_done;
	r->hooks.owner = r;
	for (size_t i = 0; i < m->count; i++)
		if (hook_set_add(&r->hooks, m->items[i]) != 0)
			r->detail.failed = true;
	hook_set_run(&r->hooks, HOOKS_MS);
}

static void host_answered(struct host_time *t, bool is_known)
{
	struct restore *r = LOOP_OWNER(t, struct restore, host);

	r->knows_time = is_known;
	next_step(r);
}

/* What time is it, by the host's clock? True while its answer is waited for. */
static bool ask_host(struct restore *r)
{
	bool is_first = r->work.agent->paths.asks_host && !r->has_asked_host;

	r->has_asked_host = true;
	return is_first && host_time_ask(&r->host) == 0;
}

static void next_step(struct restore *r)
{
	for (; r->step < STEPS; r->step++) {
		const struct step *s = &steps[r->step];

		if (s->verb == CONTROL_CLOCK && ask_host(r))
			return;
		channel_prepare(&r->call, s->verb);
		r->call.item = step_part;
		r->call.done = step_done;
		r->call.owner = r;
		if (s->verb == CONTROL_CLOCK && r->knows_time)
			boot_clock_set_time(&r->call, &r->host.time);
		if (s->wanted != NULL && !s->wanted(r))
			continue;
		if (channel_begin(&r->work.agent->channel, &r->call) == 0) {
			pending_set_timer(&r->work, STEP_MS, no_answer);
			return;
		}
		r->detail.failed = true;
		ack_detail_add(
			&r->detail, "no channel to init: nothing was remounted or restarted");
		r->step = STEPS;
		break;
	}
	run_hooks(r);
}

static void abandon(struct pending *w)
{
	struct restore *r = LOOP_OWNER(w, struct restore, work);

	r->work.agent->restore = NULL;
	host_time_close(&r->host);
	hook_set_abandon(&r->hooks);
	free(r);
}

static struct restore *restore_new(struct agent *a)
{
	struct restore *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	a->restore = r;
	ack_detail_init(&r->detail);
	host_time_init(&r->host, &a->loop, host_answered);
	r->work.abandon = abandon;
	pending_begin(&r->work, a, NULL);
	return r;
}

void restore_begin(struct agent *a)
{
	struct restore *r = a->restore == NULL ? restore_new(a) : NULL;

	if (r != NULL)
		next_step(r);
}

/* ---- clients --------------------------------------------------------------------------------- */

static void waiter_expired(struct loop_timer *timer)
{
	struct waiter *w = LOOP_OWNER(timer, struct waiter, work.timer);
	const struct restore *r = w->restore;
	struct ack_detail detail;

	ack_detail_init(&detail);
	if (r->detail.b.len > 0)
		ack_detail_add(&detail, "%s", r->detail.text);
	ack_detail_add(&detail, "still pending: %s",
		r->step < STEPS ? steps[r->step].name : "restore commands");
	answer(w, false, &detail);
}

static void waiter_gone(struct pending *work)
{
	answer(LOOP_OWNER(work, struct waiter, work), false, NULL);
}

static void waiter_abandon(struct pending *work)
{
	free(LOOP_OWNER(work, struct waiter, work));
}

/* Let a client wait for a run. False if memory is out. */
static bool attach(struct restore *r, struct connection *c, enum message_kind kind)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return false;
	w->kind = kind;
	w->restore = r;
	w->next = r->waiters;
	r->waiters = w;
	w->work.gone = waiter_gone;
	w->work.abandon = waiter_abandon;
	pending_begin(&w->work, r->work.agent, c);
	pending_set_timer(&w->work, REPLY_MS, waiter_expired);
	return true;
}

void restore_requested(struct agent *a, struct connection *c, struct request *request)
{
	bool running = a->restore != NULL;
	struct restore *r = running ? a->restore : restore_new(a);

	if (r == NULL || !attach(r, c, request->kind))
		connection_error(c, "out of memory", false);
	if (r != NULL && !running)
		next_step(r);
}
