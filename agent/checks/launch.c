/* SPDX-License-Identifier: MIT */
#include "agent/checks/launch.h"

#include "agent/checks/service_environment.h"
#include "base/command.h"
#include "base/interpreter.h"
#include "protocol/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int launch_program(struct job *job, const struct identities *ids, const char *user,
	char *const *argv, struct job_spec *spec, struct problem *p)
{
	struct service_environment service = { 0 };
	struct identity id;
	int err = spec->may_be_root ? identity_find_any(ids, user, &id, p)
				    : identity_find(ids, user, &id, p);

	if (err == 0) {
		spec->argv = argv;
		spec->envp = id.environment;
		spec->user = id.user;
		if (spec->service != NULL &&
			service_environment_read(spec->service, &id.account, &service) == 0) {
			spec->envp = service.list;
			spec->directory = service.directory;
		}
		err = job_start(job, spec);
		if (err != 0)
			problem_set(p, -err, "cannot start a process");
	}
	service_environment_free(&service);
	identity_free(&id);
	return err;
}

int launch_command(struct job *job, const struct identities *ids, const char *user,
	const char *command, struct job_spec *spec, struct problem *p)
{
	struct command *c;
	int err = command_parse(command, &c, p);

	if (err != 0)
		return err;
	spec->has_group = true;
	if (c->shell && access(c->argv[0], X_OK) != 0)
		err = problem_set(p, errno, "the command needs a shell: %s", c->argv[0]);
	else
		err = launch_program(job, ids, user, c->argv, spec, p);
	free(c);
	return err;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Reports are C strings, so a NUL byte in the output becomes '?'. */
static void put_without_nul(struct buf *b, const char *at, size_t len)
{
	for (;;) {
		size_t n = strnlen(at, len);

		utf8_put_lossy(b, at, n);
		if (n == len)
			return;
		buf_puts(b, "?");
		at += n + 1;
		len -= n + 1;
	}
}

/* Append standard error. False if it is only white space. */
static bool standard_error(const struct capture *err, struct buf *b)
{
	const char *at = err->data;
	size_t len = err->len;
	bool cut_front = err->cut && err->keep_last;

	if (cut_front) {
		size_t partial = utf8_skip_partial(at, len);

		at += partial;
		len -= partial;
	}
	for (; len > 0 && is_blank(*at); at++)
		len--;
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	if (len == 0)
		return false;
	if (cut_front)
		buf_puts(b, "... ");
	put_without_nul(b, at, len);
	return true;
}

static void describe_timeout(const struct job *job, struct buf *b)
{
	buf_printf(b, "timed out after %llus", (unsigned long long)(job->timeout_ms + 999) / 1000);
}

void launch_describe_stuck(const struct job *job, struct buf *b)
{
	describe_timeout(job, b);
	buf_puts(b, ", and cannot be killed");
}

void launch_describe_failure(const struct job *job, struct buf *b)
{
	char name[64];

	buf_puts(b, spawn_stage_name(job->failure.stage));
	if (job->failure.stage == SPAWN_EXEC && job->program[0] != '\0' &&
		interpreter_find_culprit(
			job->program, job->path, job->failure.error, name, sizeof(name)) == 0) {
		buf_puts(b, ", interpreter ");
		utf8_put_lossy(b, name, strlen(name));
	}
	buf_printf(b, ": %s", problem_errno_text(job->failure.error));
}

void launch_describe_end(const struct job *job, struct buf *b)
{
	switch (job->end) {
	case JOB_TIMED_OUT:
		describe_timeout(job, b);
		break;
	case JOB_NOT_RUN:
		buf_puts(b, "failed to execute: ");
		launch_describe_failure(job, b);
		break;
	case JOB_EXITED:
		if (!standard_error(&job->err, b))
			buf_printf(b, "exit code %d", job->code);
		break;
	case JOB_SIGNALED:
	case JOB_KILLED:
		if (!standard_error(&job->err, b))
			buf_printf(b, "exit code -1 (signal %d)", job->code);
		break;
	}
}
