/* SPDX-License-Identifier: MIT */
#include "init/refresh.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "init/guest_drives.h"
#include "init/guest_environment.h"
#include "init/machine_id.h"
#include "init/random_pool.h"
#include "init/restore_clock.h"
#include "supervisor/prepare.h"

#include <errno.h>
#include <stddef.h>

#define REFRESH_NOTHING 1 /* of a step with nothing to do and nothing to report */

/* Keeps the first problem of a step, and logs all of them. */
static void keep_first(void *context, const struct problem *p)
{
	struct problem *first = context;

	if (first->code == 0)
		*first = *p;
	log_problem(p);
}

static void on_patience_end(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, refresh.timer);

	g->refresh.patience_over = true;
}

void refresh_begin(struct guest *g)
{
	g->refresh.stage = 0;
	g->refresh.patience_over = false;
	g->refresh.begun_us = clock_us();
	g->refresh.timer.expire = on_patience_end;
	loop_timer_set(&g->loop, &g->refresh.timer, clock_ms() + REFRESH_WAIT_MS);
	supervisor_hold(&g->supervisor, REFRESH_STOP_MS);
}

static int step_stop(struct guest *g, struct problem *first)
{
	(void)first;
	loop_timer_clear(&g->loop, &g->refresh.timer);
	return supervisor_is_active(&g->supervisor, false) ? -ETIMEDOUT : 0;
}

/* Each file is replaced by rename(2), so that a reader sees the old secret or the new one. */
static int step_secrets(struct guest *g, struct problem *first)
{
	return guest_drives_copy_secrets(g, &(struct reporter){ keep_first, first });
}

static int step_config(struct guest *g, struct problem *first)
{
	return guest_drives_remount_config(g, first);
}

/* Without a new seed the step has no result. */
static int step_seed(struct guest *g, struct problem *first)
{
	int used = guest_drives_use_seed(g);

	(void)first;
	return used == 0 ? REFRESH_NOTHING : used > 0 ? 0 : used;
}

static int step_environment(struct guest *g, struct problem *first)
{
	guest_environment_read_override(g, &(struct reporter){ keep_first, first });
	for (struct service *v = g->supervisor.services; v != NULL; v = v->next) {
		struct problem p;

		if (v->problem == NULL && service_prepare(v, &p) != 0)
			keep_first(first, &p);
	}
	return -first->code;
}

static const struct {
	const char *name;
	int (*run)(struct guest *g, struct problem *first);
} steps[] = {
	{ "stop-services", step_stop },
	{ "secrets", step_secrets },
	{ "config", step_config },
	{ "random-seed", step_seed },
	{ "environment", step_environment },
};

enum refresh_answer refresh_next(struct guest *g, struct refresh_step *out)
{
	unsigned int stage = g->refresh.stage;
	struct problem first = { 0 };
	int err;

	if (stage >= sizeof(steps) / sizeof(steps[0]))
		return REFRESH_DONE;
	if (stage == 0 && supervisor_is_active(&g->supervisor, false) && !g->refresh.patience_over)
		return REFRESH_WAIT;
	*out = (struct refresh_step){ .name = steps[stage].name, .start_us = clock_us() };
	if (stage == 0)
		out->start_us = g->refresh.begun_us;
	err = steps[stage].run(g, &first);
	out->error = -err;
	if (err != 0)
		buf_format(out->text, sizeof(out->text), "%s",
			first.code != 0 ? first.text : problem_errno_text(-err));
	g->refresh.stage++;
	return err == REFRESH_NOTHING ? refresh_next(g, out) : REFRESH_STEP;
}

void refresh_end(struct guest *g)
{
	loop_timer_clear(&g->loop, &g->refresh.timer);
	supervisor_release(&g->supervisor);
}

void refresh_alone(struct guest *g)
{
	if (g->refresh.alone)
		return;
	log_line("post-restore: mounting config and secrets again");
	supervisor_freeze(&g->supervisor, false);
	restore_clock_set();
	random_pool_reseed();
	machine_id_renew(&log_problems);
	g->refresh.alone = true;
	refresh_begin(g);
}

void refresh_settle(struct guest *g)
{
	struct refresh_step s;
	enum refresh_answer answer;

	if (!g->refresh.alone || g->shutdown.begun)
		return;
	while ((answer = refresh_next(g, &s)) == REFRESH_STEP)
		if (s.error != 0)
			log_line("post-restore: %s: %s", s.name, s.text);
	if (answer == REFRESH_WAIT)
		return;
	g->refresh.alone = false;
	refresh_end(g);
	log_line("post-restore complete, services restarting");
}
