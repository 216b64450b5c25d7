/* SPDX-License-Identifier: MIT */
#include "agent/checks/check.h"

#include "agent/checks/console_text.h"
#include "agent/checks/launch.h"
#include "base/clock.h"
#include "base/log.h"
#include "protocol/json.h"
#include "protocol/utf8.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- schedules ------------------------------------------------------------------------------- */

uint64_t schedule_ms(uint64_t secs)
{
	if (secs == 0)
		secs = 1;
	if (secs > SCHEDULE_SECS_MAX)
		secs = SCHEDULE_SECS_MAX;
	return secs * 1000;
}

uint64_t schedule_eager(uint64_t interval_ms, unsigned int failures)
{
	uint64_t ms = failures < 30 ? (uint64_t)1000 << (failures - 1) : interval_ms;

	return ms < interval_ms ? ms : interval_ms;
}

uint64_t schedule_next(uint64_t started_ms, uint64_t interval_ms, uint64_t now_ms)
{
	if (now_ms < started_ms)
		return started_ms + interval_ms;
	return started_ms + ((now_ms - started_ms) / interval_ms + 1) * interval_ms;
}

/* ---- results --------------------------------------------------------------------------------- */

#define QUOTED_MAX 256
#define STUCK_MS   1000 /* time for a killed command to end */

/* ---- results --------------------------------------------------------------------------------- */

void check_result_free(struct check_result *r)
{
	free(r->detail);
	free(r->output);
	*r = (struct check_result){ 0 };
}

int check_set_result(struct check_result *r, bool healthy, time_t checked_at, const char *detail,
	const char *output)
{
	check_result_free(r);
	r->known = true;
	r->healthy = healthy;
	r->checked_at = checked_at;
	r->detail = detail != NULL ? strdup(detail) : NULL;
	r->output = output != NULL ? strdup(output) : NULL;
	if ((detail != NULL && r->detail == NULL) || (output != NULL && r->output == NULL))
		return -ENOMEM;
	return 0;
}

static void say_result(struct check *c)
{
	char quoted[QUOTED_MAX];

	if (c->result.healthy) {
		if (c->said_unhealthy)
			log_line("%s '%s' is healthy again", c->kind, c->name);
		c->said_unhealthy = false;
	} else if (!c->said_unhealthy && clock_ms() >= c->quiet_until_ms) {
		log_line("%s '%s' failed: %s", c->kind, c->name,
			console_text(c->result.detail != NULL ? c->result.detail : "", quoted,
				sizeof(quoted)));
		c->said_unhealthy = true;
	}
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void finish(struct check *c, bool healthy, const char *detail, const char *output)
{
	const struct check_result *r = &c->result;

	c->is_news = !r->known || r->healthy != healthy || !is_same(r->detail, detail) ||
		     !is_same(r->output, output);
	check_set_result(&c->result, healthy, time(NULL), detail, output);
	say_result(c);
	c->checker->changed(c->checker->owner, c);
}

/* ---- what the command has said --------------------------------------------------------------- */

/* Returns 0 if the command's output is JSON that a report can hold, else -errno with `p`. */
static int check_output(const struct capture *out, struct json *value, struct problem *p)
{
	int err;

	if (out->cut)
		return problem_set_text(p, EFBIG, "more than %d bytes", CHECK_OUTPUT_MAX);
	err = json_check_unique(out->len > 0 ? out->data : "", out->len, value, p);
	if (err == 0 && json_nesting(*value) > CHECK_NESTING_MAX)
		err = problem_set_text(
			p, EINVAL, "nested deeper than %d levels", CHECK_NESTING_MAX);
	return err;
}

/* The output as compact JSON, which the caller frees; NULL if it is not JSON. */
static char *take_output(struct check *c)
{
	struct problem p;
	struct json value;
	struct buf b;
	char *text;

	if (check_output(&c->job.out, &value, &p) != 0) {
		if (!c->said_bad_output)
			log_line("%s '%s': output ignored: %s", c->kind, c->name, p.text);
		c->said_bad_output = true;
		return NULL;
	}
	c->said_bad_output = false;
	text = malloc(value.len + 1);
	if (text == NULL)
		return NULL;
	buf_init(&b, text, value.len + 1);
	json_put_compact(&b, value);
	return text;
}

/* ---- running --------------------------------------------------------------------------------- */

/* An invalid byte becomes three bytes, and "... " may come first. */
#define DETAIL_SIZE (3 * CHECK_DETAIL_MAX + 8)

/* Set the timer for the next run. */
static void set_next(struct check *c, bool healthy)
{
	uint64_t now = clock_ms(), interval_ms = c->interval_ms;

	c->early_failures = healthy || now >= c->quiet_until_ms ? 0 : c->early_failures + 1;
	if (c->early_failures > 0)
		interval_ms = schedule_eager(interval_ms, c->early_failures);
	loop_timer_set(
		c->checker->loop, &c->due, schedule_next(c->job.started_ms, interval_ms, now));
}

static void job_done(struct job *job)
{
	struct check *c = LOOP_OWNER(job, struct check, job);
	char detail[DETAIL_SIZE];
	struct buf b = BUF_OVER(detail);
	char *output = NULL;
	bool healthy = job->end == JOB_EXITED && job->code == 0;

	buf_clear(&b);
	if (c->stopped != NULL) {
		job_release(job);
		c->stopped(c);
		return;
	}
	if (healthy)
		buf_puts(&b, "ok");
	else
		launch_describe_end(&c->job, &b);
	if (healthy && c->json_output)
		output = take_output(c);
	job_release(job);
	set_next(c, healthy);
	finish(c, healthy, detail, output);
	free(output);
}

/* The result from before the command started is out of date. */
static void job_stuck(struct job *job)
{
	struct check *c = LOOP_OWNER(job, struct check, job);
	char detail[64];
	struct buf b = BUF_OVER(detail);

	if (c->stopped != NULL)
		return;
	buf_clear(&b);
	launch_describe_stuck(job, &b);
	finish(c, false, detail, NULL);
}

static int run(struct check *c, struct problem *p)
{
	struct job_spec spec = {
		.timeout_ms = c->timeout_ms,
		.stuck_ms = STUCK_MS,
		.out_max = c->json_output ? CHECK_OUTPUT_MAX : 0,
		.err_max = CHECK_DETAIL_MAX,
		.err_last = true,
		.kill_rest = true,
		/* A health check belongs to a service, a probe does not. */
		.service = strcmp(c->kind, "health check") == 0 ? c->name : NULL,
	};

	return launch_command(&c->job, c->checker->identities, c->user, c->command, &spec, p);
}

static void is_due(struct loop_timer *timer)
{
	struct check *c = LOOP_OWNER(timer, struct check, due);
	char detail[3 * PROBLEM_TEXT_MAX + 32];
	struct buf b = BUF_OVER(detail);
	struct problem p;

	if (run(c, &p) == 0)
		return;
	c->job.started_ms = clock_ms();
	set_next(c, false);
	buf_puts(&b, "failed to execute: ");
	utf8_put_lossy(&b, p.text, strlen(p.text));
	finish(c, false, detail, NULL);
}

void check_init(struct check *c, struct checker *checker)
{
	c->checker = checker;
	c->due.expire = is_due;
	job_init(&c->job, checker->jobs, job_done);
	c->job.stuck = job_stuck;
}

void check_begin(struct check *c)
{
	loop_timer_set(c->checker->loop, &c->due, clock_ms());
}

void check_stop(struct check *c, void (*stopped)(struct check *check))
{
	loop_timer_clear(c->checker->loop, &c->due);
	c->stopped = stopped;
	if (job_is_running(&c->job))
		job_kill(&c->job);
	else
		stopped(c);
}

void check_free(struct check *c)
{
	check_result_free(&c->result);
}
