/* SPDX-License-Identifier: MIT */
#include "supervisor/describe.h"

#include "base/clock.h"
#include "base/interpreter.h"
#include "base/log.h"
#include "supervisor/environment.h"
#include "supervisor/process.h"

#include <string.h>
#include <sys/wait.h>

/* Milliseconds as seconds with one decimal. */
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
	if (o->services_full)
		buf_puts(out, ", the services' memory was used up");
	if (o->held_mib > 0)
		buf_printf(out, " and it held %u MiB", o->held_mib);
}

/* The program, and its interpreter when that is the missing file. */
static void put_program(const struct service *v, struct buf *out)
{
	const struct outcome *o = &v->last.outcome;
	const char *program = (o->in_pre_start ? v->config.pre_start : v->config.command)->argv[0];
	struct environment env;
	struct problem p;
	char name[128];

	buf_puts(out, program);
	if (environment_of(v, &env, o->in_pre_start, &p) == 0 &&
		interpreter_find_culprit(
			program, spawn_path_of(env.list), o->error, name, sizeof(name)) == 0)
		buf_printf(out, ", interpreter %s", name);
}

/* The object of the failed stage, such as a path; nothing if the stage needs none. */
static void put_subject(const struct service *v, struct buf *out)
{
	const char *directory = v->config.working_directory, *part = NULL;

	if (v->last.outcome.stage == SPAWN_EXEC)
		put_program(v, out);
	else if (v->last.outcome.stage == SPAWN_DIRECTORY)
		buf_puts(out, directory != NULL ? directory : "/");
	else if (v->last.outcome.stage == SPAWN_PREPARE)
		part = sandbox_part(&v->config.sandbox, v->last.part);
	if (part != NULL)
		buf_puts(out, part);
}

void describe_end(const struct service *v, struct buf *out)
{
	char text[256];
	struct buf subject = BUF_OVER(text);

	if (!v->last.has_ended) {
		buf_puts(out, v->last.outcome.in_pre_start ? "pre_start: " : "");
		if (v->last.start_problem == NULL && v->last.start_error != 0)
			buf_printf(out, PROCESS_NOT_MADE ": %s",
				problem_errno_text(v->last.start_error));
		else
			buf_puts(out, v->last.start_problem != NULL ? v->last.start_problem
								    : "not started");
		return;
	}
	buf_clear(&subject);
	if (v->last.outcome.failed_to_run)
		put_subject(v, &subject);
	describe_put_outcome(&v->last.outcome, subject.len > 0 ? text : NULL, out);
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
		return; /* the service that blocks it was logged already */
	describe_end(v, &b);
	if (m->state == MACHINE_BACKOFF)
		put_restart(v, &b);
	else
		buf_puts(&b, ", not started again");
	log_line("%s: %s", v->name, text);
}
