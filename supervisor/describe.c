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

void describe_end(const struct service *v, struct buf *out)
{
	const struct command *c = v->in_pre_start ? v->config.pre_start : v->config.command;
	const char *part = sandbox_part(&v->config.sandbox, v->failure.part);

	if (v->in_pre_start)
		buf_puts(out, "pre_start: ");
	if (!v->has_ended) {
		buf_puts(out, v->start_problem != NULL ? v->start_problem : "not started");
	} else if (v->failed_to_run) {
		buf_puts(out, spawn_stage_name(v->failure.stage));
		if (v->failure.stage == SPAWN_EXEC)
			buf_printf(out, " %s", c->argv[0]);
		else if (v->failure.stage == SPAWN_PREPARE && part != NULL)
			buf_printf(out, " %s", part);
		buf_printf(out, ": %s", problem_errno_text(v->failure.error));
	} else if (WIFEXITED(v->last_status)) {
		buf_printf(out, "exit code %d", WEXITSTATUS(v->last_status));
	} else {
		buf_printf(out, "signal %d (%s)", WTERMSIG(v->last_status),
			strsignal(WTERMSIG(v->last_status)));
	}
	if (v->has_ended && v->out_of_memory)
		buf_puts(out, ", memory_max was reached");
	if (v->has_ended && !v->failed_to_run && !v->in_pre_start) {
		buf_puts(out, " after ");
		put_seconds(out, v->ran_ms);
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
			(unsigned long long)m->rules.pre_start_timeout / 1000);
		return;
	}
	if (m->state == MACHINE_KILL && before == MACHINE_STOP) {
		log_line("%s: does not stop on TERM: killed", v->name);
		return;
	}
	if (m->state == MACHINE_STOP && before == MACHINE_START && m->wanted && !m->again) {
		log_line("%s: not ready after %llu s: stopped", v->name,
			(unsigned long long)m->rules.start_timeout / 1000);
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
