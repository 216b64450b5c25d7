/* SPDX-License-Identifier: MIT */
#include "supervisor/describe.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>
#include <sys/wait.h>

/* Milliseconds as seconds with one digit behind the point. */
static void put_seconds(struct buf *b, uint64_t ms)
{
	buf_printf(b, "%llu.%llu s", (unsigned long long)(ms + 50) / 1000,
		(unsigned long long)(ms + 50) % 1000 / 100);
}

void describe_put_outcome(const struct outcome *o, const char *subject, struct buf *out)
{
	if (o->in_pre_start)
		buf_puts(out, "pre_start: ");
	if (o->failed_to_run) {
		buf_puts(out, spawn_stage_name(o->stage));
		if (subject != NULL)
			buf_printf(out, " %s", subject);
		buf_printf(out, ": %s", problem_errno_text(o->error));
	} else if (WIFEXITED(o->status)) {
		buf_printf(out, "exit code %d", WEXITSTATUS(o->status));
	} else {
		buf_printf(
			out, "signal %d (%s)", WTERMSIG(o->status), strsignal(WTERMSIG(o->status)));
	}
	if (o->out_of_memory)
		buf_puts(out, ", memory_max was reached");
}

/* What the stage that has failed was about; NULL where that needs no words. */
static const char *subject_of(const struct service *v)
{
	const struct command *c =
		v->last.outcome.in_pre_start ? v->config.pre_start : v->config.command;

	if (v->last.outcome.stage == SPAWN_EXEC)
		return c->argv[0];
	return v->last.outcome.stage == SPAWN_PREPARE
		       ? sandbox_part(&v->config.sandbox, v->last.part)
		       : NULL;
}

void describe_end(const struct service *v, struct buf *out)
{
	if (!v->last.has_ended) {
		buf_puts(out, v->last.outcome.in_pre_start ? "pre_start: " : "");
		buf_puts(
			out, v->last.start_problem != NULL ? v->last.start_problem : "not started");
		return;
	}
	describe_put_outcome(
		&v->last.outcome, v->last.outcome.failed_to_run ? subject_of(v) : NULL, out);
	if (!v->last.outcome.failed_to_run && !v->last.outcome.in_pre_start) {
		buf_puts(out, " after ");
		put_seconds(out, v->last.ran_ms);
	}
}

static void put_restart(const struct service *v, struct buf *b)
{
	uint64_t now = clock_ms(), due = v->machine.due_ms;

	buf_puts(b, ", restart in ");
	put_seconds(b, due > now ? due - now : 0);
	if (v->machine.failures > 1)
		buf_printf(b, " (number %u in a row)", v->machine.failures);
}

void describe_change(const struct service *v, enum machine_state before)
{
	const struct machine *m = &v->machine;
	char text[256];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	if (m->state == MACHINE_KILL && before == MACHINE_PRE && !m->ended) {
		log_line("%s: pre_start takes longer than %llu s: killed", v->name,
			(unsigned long long)m->rules->pre_start_timeout / 1000);
		return;
	}
	if (m->state == MACHINE_KILL && before == MACHINE_STOP) {
		log_line("%s: does not stop on TERM: killed", v->name);
		return;
	}
	if (m->state == MACHINE_STOP && before == MACHINE_START && m->wanted && !m->again) {
		log_line("%s: not ready after %llu s: stopped", v->name,
			(unsigned long long)m->rules->start_timeout / 1000);
		return;
	}
	if (m->state != MACHINE_BACKOFF && m->state != MACHINE_FAILED)
		return;
	if (before == MACHINE_WAITING)
		return; /* what it waited for has been named */
	describe_end(v, &b);
	if (m->state == MACHINE_BACKOFF)
		put_restart(v, &b);
	else
		buf_puts(&b, ", not started again");
	log_line("%s: %s", v->name, text);
}
