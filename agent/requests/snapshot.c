/* SPDX-License-Identifier: MIT */
#include "agent/requests/snapshot.h"

#include "agent/checks/hook.h"
#include "agent/link/channel.h"
#include "agent/requests/ack_detail.h"
#include "agent/wire/pending.h"
#include "base/log.h"
#include "protocol/json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_TIMEOUT_MS 30000 /* CheckpointIntegrations has no timeout of its own */
#define BUDGET_MARGIN_MS      1500  /* of the host's timeout, kept for both transfers */
#define BUDGET_MIN_MS         250
#define BUDGET_MAX_SECS       3600
#define QUIESCE_MS            2000   /* of the budget, kept for the steps after the checkpoints */
#define GIVE_UP_MS            120000 /* limit for steps that continue after the reply */

uint64_t snapshot_budget_ms(uint64_t secs)
{
	uint64_t ms = (secs < BUDGET_MAX_SECS ? secs : BUDGET_MAX_SECS) * 1000;
	uint64_t margin = ms / 4 < BUDGET_MARGIN_MS ? ms / 4 : BUDGET_MARGIN_MS;

	return ms - margin > BUDGET_MIN_MS ? ms - margin : BUDGET_MIN_MS;
}

struct snapshot {
	struct pending work;
	struct hook_set hooks;
	struct channel_call call;
	struct ack_detail detail;
	struct field_list names; /* names in CheckpointIntegrations; char * */
	bool sleep;              /* this is SleepPrep */
	bool part_failed;        /* a part of the sync failed, and was reported */
	bool frozen;             /* the services are frozen */
	const char *pending;     /* name of the running step */
};

/* ---- replies --------------------------------------------------------------------------------- */

static void write_sleep_ack(struct buf *b, const void *arg)
{
	const struct snapshot *s = arg;

	ack_detail_write(&s->detail, b, ANSWER_SLEEP_PREP, !s->detail.failed);
}

static const struct hook *find_hook(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->hooks.count; i++)
		if (strcmp(s->hooks.hooks[i].name, name) == 0)
			return &s->hooks.hooks[i];
	return NULL;
}

/* True if the name is unknown or its hook failed. A name without a hook cannot fail. */
static bool name_failed(const struct snapshot *s, const char *name)
{
	const struct hook *hook = find_hook(s, name);

	return hook != NULL ? hook->failed || hook->running
			    : monitors_find(s->hooks.context->integrations, name) == NULL;
}

static void write_checkpoint_result(struct buf *b, const void *arg)
{
	const struct snapshot *s = arg;
	const char *failed[FIELDS_LIST_MAX];
	struct checkpoint_result result = { .success = !s->detail.failed,
		.failed.items = failed,
		.detail = ack_detail_text(&s->detail) };

	for (size_t i = 0; i < s->names.count; i++) {
		const char *name = ((char **)s->names.items)[i];

		if (name_failed(s, name))
			failed[result.failed.count++] = name;
	}
	message_encode(b, ANSWER_CHECKPOINT, &result);
}

static void reply(struct snapshot *s)
{
	pending_reply(&s->work, s->sleep ? write_sleep_ack : write_checkpoint_result, s);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void snapshot_free(struct snapshot *s)
{
	hook_set_free(&s->hooks);
	field_strings_free(&s->names);
	free(s);
}

static void abandon(struct pending *w)
{
	struct snapshot *s = LOOP_OWNER(w, struct snapshot, work);

	hook_set_abandon(&s->hooks);
	field_strings_free(&s->names);
	free(s);
}

static void finish(struct snapshot *s)
{
	reply(s);
	pending_end(&s->work);
	snapshot_free(s);
}

/* ---- quiescing ------------------------------------------------------------------------------- */

static const char *words(int error, const char *text)
{
	return text[0] != '\0' ? text : problem_errno_text(error);
}

static void thaw_done(struct channel_call *call, int error, const char *text)
{
	struct snapshot *s = call->owner;

	if (error != 0)
		ack_detail_add(&s->detail, "services stay frozen: %s", words(error, text));
	else
		ack_detail_add(&s->detail, "services thawed");
	finish(s);
}

/* PID 1 reports each part of a sync. Only failures get a text of their own. */
static void sync_part(struct channel_call *call, const struct control_message *m)
{
	struct snapshot *s = call->owner;

	if (m->kind != CONTROL_STEP || m->step.error == 0)
		return;
	s->detail.failed = s->part_failed = true;
	ack_detail_add(&s->detail, "%s: %s", m->step.name, words(m->step.error, m->step.text));
}

/* Send the next request to PID 1. False without a channel. */
static bool ask(struct snapshot *s, enum control_verb verb,
	void (*done)(struct channel_call *call, int error, const char *text))
{
	channel_prepare(&s->call, verb);
	s->call.item = verb == CONTROL_SYNC ? sync_part : NULL;
	s->call.done = done;
	s->call.owner = s;
	return channel_begin(&s->work.agent->channel, &s->call) == 0;
}

/* After a failure the host may leave the guest awake, so thaw the services. */
static void after_sync(struct snapshot *s)
{
	if (!(s->frozen && s->detail.failed && ask(s, CONTROL_THAW, thaw_done)))
		finish(s);
}

static void sync_done(struct channel_call *call, int error, const char *text)
{
	struct snapshot *s = call->owner;

	if (error != 0) {
		s->detail.failed = true;
		if (!s->part_failed)
			ack_detail_add(&s->detail, "sync: %s", words(error, text));
	} else {
		ack_detail_add(&s->detail, "filesystems synced, page cache dropped");
	}
	after_sync(s);
}

static void sync_disks(struct snapshot *s)
{
	s->pending = "sync";
	if (ask(s, CONTROL_SYNC, sync_done))
		return;
	s->detail.failed = true;
	ack_detail_add(&s->detail, "filesystems not synced: no channel to init");
	after_sync(s);
}

static void freeze_done(struct channel_call *call, int error, const char *text)
{
	struct snapshot *s = call->owner;

	s->frozen = error == 0;
	if (error != 0)
		ack_detail_add(&s->detail, "services not frozen: %s", words(error, text));
	else
		ack_detail_add(&s->detail, "services frozen");
	sync_disks(s);
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static void describe_hooks(struct snapshot *s)
{
	const char *separator = "checkpointed ";
	struct ack_detail *d = &s->detail;
	size_t good = 0;

	for (size_t i = 0; i < s->hooks.count; i++) {
		const struct hook *hook = &s->hooks.hooks[i];

		if (hook->failed)
			ack_detail_add(d, "%s%s: %s", hook->name,
				s->sleep && hook->critical ? " (critical)" : "", hook->detail);
		else
			good++;
		if (hook->failed && (hook->critical || !s->sleep))
			d->failed = true;
	}
	if (good == 0)
		return;
	ack_detail_add(d, "%s", "");
	for (size_t i = 0; i < s->hooks.count; i++) {
		if (s->hooks.hooks[i].failed)
			continue;
		buf_printf(&d->b, "%s%s", separator, s->hooks.hooks[i].name);
		separator = ", ";
	}
}

static void hooks_done(struct hook_set *set)
{
	struct snapshot *s = set->owner;

	s->work.agent->history.changed = true;
	describe_hooks(s);
	if (!s->sleep) {
		finish(s);
		return;
	}
	s->pending = "freezing the services";
	if (!s->work.agent->options.freeze_services || !ask(s, CONTROL_FREEZE, freeze_done))
		sync_disks(s);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* The step that continued after the reply has not ended. Killed hooks end sooner or later. */
static void gave_up(struct loop_timer *timer)
{
	struct snapshot *s = LOOP_OWNER(timer, struct snapshot, work.timer);

	if (s->hooks.left > 0) {
		pending_set_timer(&s->work, GIVE_UP_MS, gave_up);
		return;
	}
	log_line("%s has not ended: init does not answer", s->pending);
	channel_drop(&s->call);
	finish(s);
}

static void out_of_time(struct loop_timer *timer)
{
	struct snapshot *s = LOOP_OWNER(timer, struct snapshot, work.timer);

	s->detail.failed = true;
	ack_detail_add(&s->detail, "not done in time: %s", s->pending);
	reply(s);
	pending_set_timer(&s->work, GIVE_UP_MS, gave_up);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static struct snapshot *begin(struct agent *a, struct connection *c, bool sleep)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s == NULL ||
		hook_set_init(&s->hooks, &a->hooks, HOOK_CHECKPOINT, a->integrations.count) != 0) {
		free(s);
		connection_error(c, "out of memory", false);
		return NULL;
	}
	ack_detail_init(&s->detail);
	s->sleep = sleep;
	s->pending = "checkpoints";
	s->hooks.done = hooks_done;
	s->hooks.owner = s;
	s->work.abandon = abandon;
	pending_begin(&s->work, a, c);
	return s;
}

static void add_hook(struct snapshot *s, const struct monitor *m)
{
	if (hook_set_add(&s->hooks, m) == 0)
		return;
	s->detail.failed = true;
	ack_detail_add(&s->detail, "%s: out of memory", m->definition.name);
}

void snapshot_sleep_prep(struct agent *a, struct connection *c, struct request *r)
{
	uint64_t budget_ms = snapshot_budget_ms(r->body.sleep_prep.drain_timeout_secs);
	uint64_t quiesce_ms = budget_ms / 4 < QUIESCE_MS ? budget_ms / 4 : QUIESCE_MS;
	struct snapshot *s = begin(a, c, true);

	if (s == NULL)
		return;
	for (size_t i = 0; i < a->integrations.count; i++)
		add_hook(s, a->integrations.items[i]);
	pending_set_timer(&s->work, budget_ms, out_of_time);
	hook_set_run(&s->hooks, budget_ms - quiesce_ms);
}

void snapshot_checkpoint(struct agent *a, struct connection *c, struct request *r)
{
	struct snapshot *s = begin(a, c, false);

	if (s == NULL)
		return;
	s->names = r->body.checkpoint.integrations;
	r->body.checkpoint.integrations = (struct field_list){ 0 };
	for (size_t i = 0; i < s->names.count; i++) {
		const char *name = ((char **)s->names.items)[i];
		const struct monitor *m = monitors_find(&a->integrations, name);

		if (m == NULL) {
			s->detail.failed = true;
			ack_detail_add(&s->detail, "%s: no such integration", name);
		} else if (find_hook(s, name) == NULL) {
			add_hook(s, m);
		}
	}
	pending_set_timer(&s->work, CHECKPOINT_TIMEOUT_MS + QUIESCE_MS, out_of_time);
	hook_set_run(&s->hooks, CHECKPOINT_TIMEOUT_MS);
}
