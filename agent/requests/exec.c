/* SPDX-License-Identifier: MIT */
#include "agent/requests/exec.h"

#include "agent/checks/launch.h"
#include "agent/requests/guest_policy.h"
#include "agent/wire/pending.h"
#include "base/log.h"
#include "protocol/json.h"
#include "protocol/utf8.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEF_SECS 30
#define TIMEOUT_MAX_SECS 86400
#define MARGIN_MS        500 /* of the host's timeout, kept for the reply */
#define SYNC_MAX_MS      5000
#define EXIT_TIMED_OUT   124 /* as timeout(1) */
#define EXIT_NOT_FOUND   127 /* as a shell */
#define EXIT_NOT_RUN     126
#define EXIT_NO_PROCESS  -1 /* no process: a bad command line, or no such user */
#define CUT_MARK         "\n... (truncated)\n"
#define FRAME_FIXED      160 /* most bytes of a frame besides the two streams */

static uint64_t margin_ms(uint64_t ms)
{
	return ms / 10 < MARGIN_MS ? ms / 10 : MARGIN_MS;
}

uint64_t exec_timeout_ms(uint64_t secs)
{
	uint64_t ms = (secs < TIMEOUT_MAX_SECS ? secs : TIMEOUT_MAX_SECS) * 1000;

	if (ms == 0)
		ms = 1000;
	return ms - margin_ms(ms);
}

/* ---- the result ------------------------------------------------------------------------------ */

/* Length of the longest start of the text whose JSON has at most `max` bytes. */
static size_t fitting(const char *text, size_t len, size_t max)
{
	size_t size = 2, n = 0; /* the quotation marks */

	while (n < len && (size += json_string_size(text + n, 1) - 2) <= max)
		n++;
	return utf8_cut(text, len, n);
}

/*
 * The part of a stream whose JSON, with quotation marks, has at most `max` bytes, and CUT_MARK if
 * the stream was cut. `marked` is memory that the caller frees, or NULL. If memory is out, the mark
 * is missing.
 */
static struct field_bytes shown_stream(
	const char *text, size_t len, bool cut, size_t max, char **marked)
{
	const size_t mark = json_string_size(CUT_MARK, strlen(CUT_MARK)) - 2;

	*marked = NULL;
	if (json_string_size(text, len) + (cut ? mark : 0) > max) {
		len = fitting(text, len, max - mark);
		cut = true;
	}
	if (cut)
		*marked = malloc(len + sizeof(CUT_MARK));
	if (*marked == NULL)
		return (struct field_bytes){ (char *)(uintptr_t)text, len };
	memcpy(*marked, text, len);
	memcpy(*marked + len, CUT_MARK, sizeof(CUT_MARK));
	return (struct field_bytes){ *marked, len + strlen(CUT_MARK) };
}

void exec_write_result(struct buf *b, const void *arg)
{
	const size_t room = PROTOCOL_BODY_MAX - FRAME_FIXED, half = room / 2;
	const struct exec_result *r = arg;
	size_t out = json_string_size(r->out, r->out_len);
	size_t err = json_string_size(r->err, r->err_len);
	struct exec_answer answer = { .exit_code = r->exit_code };
	char *marked_out, *marked_err;

	answer.out = shown_stream(
		r->out, r->out_len, r->out_cut, err < half ? room - err : half, &marked_out);
	answer.err = shown_stream(
		r->err, r->err_len, r->err_cut, out < half ? room - out : half, &marked_err);
	message_encode(b, ANSWER_EXEC, &answer);
	free(marked_out);
	free(marked_err);
}

/* ---- the command ----------------------------------------------------------------------------- */

struct exec {
	struct pending work;
	struct job job;
	struct field_bytes input;
	uint64_t timeout_ms;
	struct channel_call sync;
};

static void exec_free(struct exec *e)
{
	e->work.agent->execs--;
	channel_drop(&e->sync);
	job_release(&e->job);
	free(e->input.data);
	free(e);
}

/* A stream of the command as UTF-8, which the caller frees. NULL if memory is out. */
static char *clean(const struct capture *c, size_t *len)
{
	char *text = malloc(3 * c->len + 1);
	struct buf b;

	if (text == NULL)
		return NULL;
	buf_init(&b, text, 3 * c->len + 1);
	utf8_put_lossy(&b, c->data, c->len);
	*len = b.len;
	return text;
}

static int exit_code(const struct job *job)
{
	switch (job->end) {
	case JOB_TIMED_OUT:
		return EXIT_TIMED_OUT;
	case JOB_NOT_RUN:
		return job->failure.error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
	case JOB_SIGNALED:
	case JOB_KILLED:
		return 128 + job->code;
	case JOB_EXITED:
		break;
	}
	return job->code;
}

/* If the command did not run to its end, add the reason to its standard error. */
static void say_why(struct exec *e)
{
	char text[256];
	struct buf b = BUF_OVER(text);

	if (e->job.end != JOB_TIMED_OUT && e->job.end != JOB_NOT_RUN)
		return;
	buf_clear(&b);
	launch_describe_end(&e->job, &b);
	buf_puts(&b, "\n");
	capture_add(&e->job.err, b.data, b.len);
}

static void reply(struct exec *e)
{
	struct exec_result r = { .exit_code = exit_code(&e->job),
		.out_cut = e->job.out.cut,
		.err_cut = e->job.err.cut };
	char *out = clean(&e->job.out, &r.out_len), *err = clean(&e->job.err, &r.err_len);

	r.out = out;
	r.err = err;
	if (out != NULL && err != NULL)
		pending_reply(&e->work, exec_write_result, &r);
	else
		pending_error(&e->work, "out of memory");
	free(out);
	free(err);
}

static void finish(struct exec *e)
{
	reply(e);
	pending_end(&e->work);
	exec_free(e);
}

static void finish_unsynced(struct exec *e, const char *why)
{
	log_line("exec: what it wrote may not be on the drives yet: %s", why);
	finish(e);
}

static void sync_done(struct channel_call *call, int error, const char *text)
{
	if (error == 0)
		finish(call->owner);
	else
		finish_unsynced(call->owner, text[0] != '\0' ? text : problem_errno_text(error));
}

static void sync_late(struct loop_timer *timer)
{
	finish_unsynced(LOOP_OWNER(timer, struct exec, work.timer), "it takes too long");
}

/* A host may end the guest after the answer, and take what is on the drives. False if nobody waits,
 * or PID 1 cannot be asked. */
static bool sync_drives(struct exec *e)
{
	uint64_t spent = e->job.ended_ms - e->job.started_ms, left = 0;

	if (e->work.connection == NULL || e->job.end == JOB_NOT_RUN)
		return false;
	channel_prepare(&e->sync, CONTROL_SYNC);
	e->sync.request.value = 1; /* the caches stay */
	e->sync.done = sync_done;
	e->sync.owner = e;
	if (channel_begin(&e->work.agent->channel, &e->sync) != 0)
		return false;
	if (spent < e->timeout_ms)
		left = e->timeout_ms - spent < SYNC_MAX_MS ? e->timeout_ms - spent : SYNC_MAX_MS;
	pending_set_timer(&e->work, left + margin_ms(e->timeout_ms) / 2, sync_late);
	return true;
}

static void job_done(struct job *job)
{
	struct exec *e = LOOP_OWNER(job, struct exec, job);

	log_line("exec: exit code %d after %llu ms", exit_code(job),
		(unsigned long long)(job->ended_ms - job->started_ms));
	say_why(e);
	if (!sync_drives(e))
		finish(e);
}

/* Reply now; the host does not wait until a stuck command ends. */
static void job_stuck(struct job *job)
{
	struct exec *e = LOOP_OWNER(job, struct exec, job);
	char text[64];
	struct buf b = BUF_OVER(text);

	buf_clear(&b);
	launch_describe_stuck(job, &b);
	buf_puts(&b, "\n");
	capture_add(&job->err, b.data, b.len);
	job->end = JOB_TIMED_OUT;
	log_line("exec: the command cannot be killed");
	reply(e);
}

/* The work ends later, once the job is reaped. */
static void client_gone(struct pending *w)
{
	job_kill(&LOOP_OWNER(w, struct exec, work)->job);
}

static void abandon(struct pending *w)
{
	exec_free(LOOP_OWNER(w, struct exec, work));
}

static void start(struct exec *e, const char *command)
{
	struct job_spec spec = { .timeout_ms = e->timeout_ms,
		.stuck_ms = margin_ms(e->timeout_ms) / 2,
		.out_max = PROTOCOL_BODY_MAX,
		.err_max = PROTOCOL_BODY_MAX,
		.input = e->input.data,
		.input_len = e->input.len };
	struct exec_result r = { .exit_code = EXIT_NO_PROCESS, .out = "" };
	struct agent *a = e->work.agent;
	struct policy policy;
	struct problem p;

	guest_policy_read(a, &policy);
	spec.may_be_root = policy.user[0] != '\0';
	if (launch_command(&e->job, &a->identities, spec.may_be_root ? policy.user : NULL, command,
		    &spec, &p) == 0)
		return;
	r.err = p.text;
	r.err_len = strlen(p.text);
	pending_reply(&e->work, exec_write_result, &r);
	pending_end(&e->work);
	exec_free(e);
}

static struct exec *exec_new(struct agent *a, struct connection *c, struct exec_request *r)
{
	struct exec *e = a->execs < EXEC_AT_ONCE ? calloc(1, sizeof(*e)) : NULL;

	if (e == NULL)
		return NULL;
	a->execs++;
	e->timeout_ms = exec_timeout_ms(r->has_timeout ? r->timeout_secs : TIMEOUT_DEF_SECS);
	e->input = r->stdin_bytes;
	r->stdin_bytes = (struct field_bytes){ 0 };
	job_init(&e->job, &a->jobs, job_done);
	e->job.stuck = job_stuck;
	e->work.gone = client_gone;
	e->work.abandon = abandon;
	pending_begin(&e->work, a, c);
	return e;
}

void exec_requested(struct agent *a, struct connection *c, struct request *r)
{
	struct exec *e = exec_new(a, c, &r->body.exec);

	if (e == NULL)
		connection_error(c, "exec: too many commands are running", false);
	else
		start(e, r->body.exec.command);
}
