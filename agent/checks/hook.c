/* SPDX-License-Identifier: MIT */
#include "agent/checks/hook.h"

#include "agent/checks/launch.h"
#include "base/buf.h"
#include "base/number.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MEASURE_MS    2000 /* longest time to measure a state */
#define MEASURE_ROOTS 4    /* most directories to look for it in */
#define STUCK_MS      1000 /* from SIGKILL until a hook is taken for one that it does not end */

/* ---- ends ------------------------------------------------------------------------------------ */

/* The integration of a hook; NULL if it is no longer defined. */
static struct monitor *integration_of(const struct hook *hook)
{
	return monitors_find(hook->context->integrations, hook->name);
}

static void free_names(struct hook *hook)
{
	free(hook->name);
	free(hook->user);
	hook->name = hook->user = NULL;
}

/* It has ended after all. Its set has counted it among the failed ones before. */
static void stuck_hook_ended(struct hook *hook)
{
	struct hook_batch *batch = hook->batch;
	struct monitor *m = integration_of(hook);

	if (m != NULL)
		m->hook_running = false;
	job_release(&hook->job);
	hook->is_stuck = false;
	if (batch->is_left)
		free_names(hook);
	if (--batch->stuck == 0 && batch->is_left)
		free(batch);
}

static void hook_ended(struct hook *hook)
{
	struct hook_set *set = hook->set;
	struct monitor *m = integration_of(hook);

	hook->running = false;
	hook->done_at = time(NULL);
	if (!hook->is_stuck)
		job_release(&hook->job);
	if (m != NULL && !hook->is_stuck)
		m->hook_running = false;
	if (m != NULL && set->kind == HOOK_CHECKPOINT && !hook->failed) {
		m->checkpointed = true;
		m->last_checkpoint_at = hook->done_at;
	}
	if (--set->left == 0)
		set->done(set);
}

static void hook_failed(struct hook *hook, const char *why)
{
	struct buf b = BUF_OVER(hook->detail);

	hook->failed = true;
	buf_clear(&b);
	buf_printf(&b, "%s", why);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* True if `name` is a plain file name; a path could lead out of the directory. */
static bool is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static void take_size(struct hook *hook)
{
	struct monitor *m = integration_of(hook);
	const struct capture *out = &hook->job.out;
	char digits[24] = "";
	uint64_t size;

	if (hook->job.end != JOB_EXITED || hook->job.code != 0 || out->len >= sizeof(digits))
		return;
	memcpy(digits, out->data, out->len);
	if (m != NULL && number_parse(digits, UINT64_MAX, &size) == 0)
		m->state_size_bytes = size;
}

/* Start to measure the state. False if that failed. */
static bool measure(struct hook *hook)
{
	const struct hook_context *x = hook->set->context;
	struct job_spec spec = { .timeout_ms = MEASURE_MS, .out_max = 24 };
	char program[PATH_MAX], option[] = "--state-size", paths[MEASURE_ROOTS][PATH_MAX];
	char *argv[MEASURE_ROOTS + 3] = { program, option };
	struct problem ignored;

	if (x->measure_program == NULL || !is_plain(hook->name))
		return false;
	buf_format(program, sizeof(program), "%s", x->measure_program);
	for (size_t i = 0; i < MEASURE_ROOTS && x->state_roots[i] != NULL; i++) {
		buf_format(
			paths[i], sizeof(paths[i]), "%s/%s/state", x->state_roots[i], hook->name);
		argv[2 + i] = paths[i];
	}
	return launch_program(&hook->job, x->identities, hook->user, argv, &spec, &ignored) == 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static void job_done(struct job *job)
{
	struct hook *hook = LOOP_OWNER(job, struct hook, job);
	struct buf b = BUF_OVER(hook->detail);

	if (hook->is_stuck) {
		stuck_hook_ended(hook);
		return;
	}
	if (hook->measuring) {
		take_size(hook);
	} else if (job->end == JOB_EXITED && job->code == 0) {
		hook->measuring = hook->set->kind == HOOK_CHECKPOINT;
		if (hook->measuring && measure(hook))
			return;
	} else {
		hook->failed = true;
		buf_clear(&b);
		launch_describe_end(job, &b);
	}
	hook_ended(hook);
}

static void job_stuck(struct job *job)
{
	struct hook *hook = LOOP_OWNER(job, struct hook, job);
	char text[64];
	struct buf b = BUF_OVER(text);

	buf_clear(&b);
	launch_describe_stuck(job, &b);
	hook_failed(hook, text);
	hook->is_stuck = true;
	hook->batch->stuck++;
	hook_ended(hook);
}

static const char *command_of(const struct monitor *m, enum hook_kind kind)
{
	return kind == HOOK_CHECKPOINT ? m->definition.checkpoint_cmd : m->definition.restore_cmd;
}

static void start(struct hook *hook)
{
	struct hook_set *set = hook->set;
	struct monitor *m = integration_of(hook);
	struct job_spec spec = { .timeout_ms = set->timeout_ms,
		.stuck_ms = STUCK_MS,
		.err_max =
			HOOK_DETAIL_MAX / 4, /* an invalid byte becomes three; "... " comes first */
		.err_last = true };
	struct problem p;

	job_init(&hook->job, set->context->jobs, job_done);
	hook->job.stuck = job_stuck;
	hook->running = true;
	if (m == NULL || command_of(m, set->kind) == NULL)
		hook_failed(hook, "the integration is no longer defined");
	else if (m->hook_running)
		hook_failed(hook, "another checkpoint or restore of it is still running");
	else if (launch_command(&hook->job, set->context->identities, hook->user,
			 command_of(m, set->kind), &spec, &p) != 0)
		hook_failed(hook, p.text);
	else
		m->hook_running = true;
}

int hook_set_init(
	struct hook_set *set, const struct hook_context *context, enum hook_kind kind, size_t most)
{
	*set = (struct hook_set){ .context = context, .kind = kind };
	set->batch = calloc(1, sizeof(*set->batch) + (most + 1) * sizeof(*set->hooks));
	if (set->batch == NULL)
		return -ENOMEM;
	set->hooks = set->batch->items;
	return 0;
}

int hook_set_add(struct hook_set *set, const struct monitor *m)
{
	struct hook *hook = &set->hooks[set->count];
	const char *user = m->check.user;

	if (command_of(m, set->kind) == NULL)
		return 0;
	hook->set = set;
	hook->context = set->context;
	hook->batch = set->batch;
	hook->critical = m->definition.critical;
	hook->name = strdup(m->definition.name);
	hook->user = user != NULL ? strdup(user) : NULL;
	if (hook->name == NULL || (user != NULL && hook->user == NULL)) {
		free(hook->name);
		free(hook->user);
		return -ENOMEM;
	}
	set->count++;
	return 0;
}

void hook_set_run(struct hook_set *set, uint64_t timeout_ms)
{
	set->timeout_ms = timeout_ms;
	/* One more: hooks that fail at once must not end the set while this loop runs. */
	set->left = set->count + 1;
	for (size_t i = 0; i < set->count; i++) {
		start(&set->hooks[i]);
		if (!job_is_running(&set->hooks[i].job)) {
			set->hooks[i].running = false;
			set->left--;
		}
	}
	if (--set->left == 0)
		set->done(set);
}

void hook_set_free(struct hook_set *set)
{
	struct hook_batch *batch = set->batch;

	for (size_t i = 0; batch != NULL && i < set->count; i++)
		if (!batch->items[i].is_stuck)
			free_names(&batch->items[i]);
	if (batch != NULL && batch->stuck > 0)
		batch->is_left = true;
	else
		free(batch);
	*set = (struct hook_set){ 0 };
}

void hook_set_abandon(struct hook_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		job_release(&set->hooks[i].job);
		set->hooks[i].is_stuck = false;
	}
	if (set->batch != NULL)
		set->batch->stuck = 0;
	hook_set_free(set);
}
