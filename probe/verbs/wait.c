/* SPDX-License-Identifier: MIT */
/*
 * wait: wait until everything is healthy. The protocol has no notification, so each target is asked
 * again after a pause that doubles from 20 ms to 500 ms. Once an agent answers for the first time,
 * the pause is 20 ms again, because its first checks will end soon.
 */
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/report/health.h"
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <stdio.h>
#include <stdlib.h>

#define PAUSE_FIRST_MS 20
#define PAUSE_LAST_MS  500
/*
 * A request that a booting guest lost is never answered, so each try has a short limit. The limit
 * grows with each try, for slow agents.
 */
#define TRY_FIRST_MS 2500
#define TRY_LAST_MS  20000

struct wait {
	struct inquiry inquiry;
	/* The result of the last try that was not cut short by the overall deadline. */
	struct failure failure;
	struct report report;
	json_t *roots[HEALTH_CHECKS]; /* memory that the report refers to */

	struct loop_timer timer;
	uint64_t deadline_ms, pause_ms, try_ms;
	uint64_t started_us, ended_us;
	bool known, answered; /* the above is set; there was at least one report */
	size_t *left;         /* number of targets that are not done */
};

static void forget(struct wait *w)
{
	health_free(&w->report);
	for (size_t q = 0; q < HEALTH_CHECKS; q++) {
		json_decref(w->roots[q]);
		w->roots[q] = NULL;
	}
}

/* Keep this try's result. Returns true if there is a report. */
static bool learn(struct wait *w)
{
	forget(w);
	w->known = true;
	for (size_t q = 0; q < HEALTH_CHECKS; q++)
		w->roots[q] = json_incref(w->inquiry.roots[q]);
	health_report(&w->inquiry, &w->report);
	w->failure = w->inquiry.failure;
	return w->failure.kind == FAILURE_NONE;
}

static void ask(struct wait *w)
{
	uint64_t now = clock_ms(), rest = w->deadline_ms > now ? w->deadline_ms - now : 1;

	inquiry_free(&w->inquiry);
	w->inquiry.timeout_ms = rest < w->try_ms ? rest : w->try_ms;
	inquiry_start(&w->inquiry);
}

static void end(struct wait *w)
{
	w->ended_us = clock_us();
	--*w->left;
}

static void pause_is_over(struct loop_timer *timer)
{
	ask(LOOP_OWNER(timer, struct wait, timer));
}

static void answered(struct inquiry *i)
{
	struct wait *w = LOOP_OWNER(i, struct wait, inquiry);
	bool late = i->failure.kind == FAILURE_TIMEOUT, cut = i->timeout_ms < w->try_ms;
	uint64_t now = clock_ms();

	if (late && 2 * w->try_ms <= TRY_LAST_MS)
		w->try_ms *= 2;
	if ((!(late && cut) || !w->known) && learn(w) && !w->answered) {
		w->answered = true;
		w->pause_ms = PAUSE_FIRST_MS;
	}
	if ((w->failure.kind == FAILURE_NONE && health_is_good(&w->report)) ||
		failure_is_final(w->failure.kind) || now >= w->deadline_ms) {
		end(w);
		return;
	}
	if (w->pause_ms > w->deadline_ms - now)
		w->pause_ms = w->deadline_ms - now; /* ask one last time */
	loop_timer_set(i->loop, &w->timer, now + w->pause_ms);
	w->pause_ms = 2 * w->pause_ms < PAUSE_LAST_MS ? 2 * w->pause_ms : PAUSE_LAST_MS;
}

static int judge(const struct wait *w)
{
	if (w->failure.kind != FAILURE_NONE)
		return (int)failure_exit(w->failure.kind);
	return health_is_good(&w->report) ? EXIT_HEALTHY : EXIT_UNHEALTHY;
}

static json_t *as_json(const struct wait *w)
{
	bool reachable = w->failure.kind == FAILURE_NONE;
	json_t *object = output_target(w->inquiry.target);
	json_t *unhealthy = memory_must(json_array());

	for (size_t n = 0; n < w->report.count; n++) {
		const struct check *c = &w->report.checks[n];

		if (c->verdict == VERDICT_UNHEALTHY || c->verdict == VERDICT_PENDING)
			json_array_append_new(unhealthy, output_string(c->name));
	}
	output_set(object, "reachable", json_boolean(reachable));
	output_set(object, "healthy",
		reachable ? json_boolean(health_is_good(&w->report)) : json_null());
	output_set(object, "checks", json_integer((json_int_t)w->report.total));
	output_set(object, "unhealthy", unhealthy);
	output_set(object, "elapsed_ms",
		json_integer((json_int_t)((w->ended_us - w->started_us) / 1000)));
	output_set(object, "error", output_failure(&w->failure));
	return object;
}

static void print(const struct wait *w)
{
	unsigned long long ms = (w->ended_us - w->started_us) / 1000;
	const char *shown = w->inquiry.target->shown;
	char storage[1024];
	struct buf summary = BUF_OVER(storage);

	if (w->failure.kind != FAILURE_NONE) {
		out_printf(stderr, "mvm-probe: %s: not ready after %llu.%03llu s: %s\n", shown,
			ms / 1000, ms % 1000, w->failure.text);
		return;
	}
	buf_clear(&summary);
	health_summary(&w->report, &summary, 200);
	out_printf(stdout, "%s: %s after %llu.%03llu s: %s\n", shown,
		health_is_good(&w->report) ? "ready" : "not ready", ms / 1000, ms % 1000,
		summary.data);
}

/* Start all, and run the loop until the last one is done. */
static int wait_for_all(const struct options *o, struct wait *all)
{
	size_t left = o->target_count;
	struct loop loop;
	int err = loop_init(&loop);

	inquiry_limit(HEALTH_CHECKS);
	for (size_t n = 0; err == 0 && n < o->target_count; n++) {
		all[n] = (struct wait){
			.inquiry = { .loop = &loop,
				.target = &o->targets[n],
				.questions = health_questions,
				.count = HEALTH_CHECKS,
				.done = answered },
			.timer = { .expire = pause_is_over },
			.deadline_ms = clock_ms() + o->timeout_ms,
			.pause_ms = PAUSE_FIRST_MS,
			.try_ms = TRY_FIRST_MS,
			.started_us = clock_us(),
			.left = &left,
		};
		ask(&all[n]);
	}
	while (err == 0 && left > 0)
		err = loop_run_once(&loop);
	loop_close(&loop);
	return err;
}

int verb_wait(const struct options *o)
{
	struct wait *all = memory_must(calloc(o->target_count, sizeof(*all)));
	struct output_list list = { .is_array = o->is_many };
	int status = EXIT_HEALTHY, err = wait_for_all(o, all);

	if (err != 0) {
		out_printf(stderr, "mvm-probe: epoll: %s\n", problem_errno_text(-err));
		exit(EXIT_NO_ANSWER);
	}
	for (size_t n = 0; n < o->target_count; n++) {
		int one = judge(&all[n]);

		status = one > status ? one : status;
		if (o->json)
			output_list_add(&list, as_json(&all[n]));
		else
			print(&all[n]);
		forget(&all[n]);
		inquiry_free(&all[n].inquiry);
	}
	if (o->json)
		output_list_end(&list);
	free(all);
	return status;
}
