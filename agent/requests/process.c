/* SPDX-License-Identifier: MIT */
#include "agent/requests/process.h"

#include "agent/checks/launch.h"
#include "base/buf.h"
#include "base/clock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define READ_SIZE    16384
#define READS_AT_END 128 /* most reads after the end: only what the pipe holds */

/* ---- answers --------------------------------------------------------------------------------- */

void process_write_result(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PROC_RESULT, arg);
}

struct proc_result process_error(enum proc_error kind, const char *message)
{
	return (struct proc_result){ .kind = PROC_RESULT_ERROR,
		.as.error = { .kind = kind, .message = (char *)(uintptr_t)message } };
}

void process_reply_error(struct connection *c, enum proc_error kind, const char *message)
{
	struct proc_result r = process_error(kind, message);

	connection_reply(c, process_write_result, &r);
}

/* ---- the end of a process -------------------------------------------------------------------- */

void process_forget(struct process *v)
{
	struct process **at = &v->agent->processes;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	v->agent->process_count--;
	loop_timer_clear(&v->agent->loop, &v->forget);
	output_queue_free(&v->output);
	job_release(&v->job);
	free(v->argv0);
	free(v->input);
	free(v);
}

static void on_forget(struct loop_timer *timer)
{
	struct process *v = LOOP_OWNER(timer, struct process, forget);

	if (v->waits == NULL)
		process_forget(v);
	else
		loop_timer_set(&v->agent->loop, timer, clock_ms() + PROCESS_KEPT_MS);
}

void process_remove_wait(struct wait *w)
{
	struct wait **at = &w->process->waits;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->process->wait_count--;
	loop_timer_clear(&w->process->agent->loop, &w->limit);
	free(w);
}

static struct proc_event last_event(const struct process *v)
{
	switch (v->state) {
	case PROC_KILLED:
		return (struct proc_event){ .kind = PROC_EVENT_KILLED,
			.as.killed.signal = v->code };
	case PROC_TIMED_OUT:
		return (struct proc_event){ .kind = PROC_EVENT_TIMED_OUT };
	case PROC_RUNNING:
	case PROC_EXITED:
		break;
	}
	return (struct proc_event){ .kind = PROC_EVENT_EXIT, .as.exit.code = v->code };
}

static bool is_slow(const struct process *v)
{
	for (const struct wait *w = v->waits; w != NULL; w = w->next)
		if (stream_is_full(&w->stream))
			return true;
	return false;
}

/* Send to all waiting clients. Remove those that are gone. */
static void broadcast(struct process *v, int stream, const char *bytes, size_t len)
{
	struct proc_event event = { .kind = stream == 1 ? PROC_EVENT_STDOUT : PROC_EVENT_STDERR,
		.as.output.chunk = { (char *)(uintptr_t)bytes, len } };

	for (struct wait *w = v->waits, *next; w != NULL; w = next) {
		next = w->next;
		if (stream_send(&w->stream, ANSWER_PROC_WAIT_EVENT, &event))
			continue;
		stream_drop(&w->stream);
		process_remove_wait(w);
	}
}

static void tell_of_loss(struct process *v)
{
	char text[96];
	size_t len = buf_format(text, sizeof(text),
		"mvm-guest-agent: %llu bytes of output were dropped\n",
		(unsigned long long)v->output.lost);

	v->output.lost = 0;
	broadcast(v, 2, text, len);
}

/* The slowest waiting client sets the pace. */
void process_pump(struct process *v)
{
	while (v->waits != NULL && !is_slow(v)) {
		struct output_piece *piece = output_queue_take(&v->output);

		if (piece == NULL)
			break;
		broadcast(v, piece->stream, piece->bytes, piece->len);
		free(piece);
	}
	if (v->waits != NULL && v->output.len == 0 && v->output.lost > 0)
		tell_of_loss(v);
	if (!v->has_ended) {
		bool reads = v->waits == NULL || !output_queue_is_full(&v->output);

		job_watch(&v->job, 1, reads);
		job_watch(&v->job, 2, reads);
		return;
	}
	while (v->waits != NULL && v->output.len == 0) {
		struct proc_event event = last_event(v);
		struct wait *w = v->waits;

		stream_end(&w->stream, ANSWER_PROC_WAIT_EVENT, &event);
		process_remove_wait(w);
	}
}

/* ---- the job --------------------------------------------------------------------------------- */

static void on_readable(struct job *job, int stream)
{
	struct process *v = LOOP_OWNER(job, struct process, job);
	int reads = job->is_ending ? READS_AT_END : 1;
	char bytes[READ_SIZE];

	for (int i = 0; i < reads; i++) {
		ssize_t n = job_read(job, stream, bytes, sizeof(bytes));

		if (n <= 0)
			break;
		output_queue_add(&v->output, stream, bytes, (size_t)n);
	}
	process_pump(v);
}

void process_feed(struct process *v)
{
	while (v->input_len > 0) {
		ssize_t n = job_write(&v->job, v->input, v->input_len);

		if (n == 0)
			break;
		/* The process closed its standard input, so the rest of the input is dropped. */
		if (n < 0)
			n = (ssize_t)v->input_len;
		v->input_len -= (size_t)n;
		memmove(v->input, v->input + n, v->input_len);
	}
	job_watch(&v->job, 0, v->input_len > 0);
	if (v->input_len == 0 && v->closes_input)
		job_close_input(&v->job);
}

static void on_writable(struct job *job)
{
	process_feed(LOOP_OWNER(job, struct process, job));
}

/* The program runs, or failed to start: answer ProcStart. */
static void on_started(struct job *job, bool runs)
{
	struct process *v = LOOP_OWNER(job, struct process, job);
	struct proc_result r = { .kind = PROC_RESULT_STARTED, .as.started.pid_token = v->token };
	char text[256] = "";
	struct buf why = BUF_OVER(text);

	if (!v->is_starting)
		return;
	v->is_starting = false;
	if (!runs) {
		buf_printf(&why, "%s: ", v->argv0);
		launch_describe_failure(job, &why);
		r = process_error(
			job->failure.stage == SPAWN_DIRECTORY ? PROC_BAD_CWD : PROC_SPAWN_FAILED,
			text);
	}
	pending_reply(&v->starting, process_write_result, &r);
	pending_end(&v->starting);
}

static void on_done(struct job *job)
{
	struct process *v = LOOP_OWNER(job, struct process, job);

	if (job->end == JOB_NOT_RUN) {
		process_forget(v);
		return;
	}
	v->has_ended = true;
	v->code = job->code;
	if (job->end == JOB_TIMED_OUT || v->is_overdue)
		v->state = PROC_TIMED_OUT;
	else
		v->state = job->end == JOB_EXITED ? PROC_EXITED : PROC_KILLED;
	if (v->state == PROC_KILLED && job->end == JOB_KILLED)
		v->code = SIGKILL;
	v->forget.expire = on_forget;
	loop_timer_set(&v->agent->loop, &v->forget, clock_ms() + PROCESS_KEPT_MS);
	process_pump(v);
}

static bool make_token(char token[PROCESS_TOKEN_MAX])
{
	unsigned char random[16];
	struct buf b;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	buf_init(&b, token, PROCESS_TOKEN_MAX);
	buf_puts(&b, PROCESS_TOKEN_PREFIX);
	for (size_t i = 0; i < sizeof(random); i++)
		buf_printf(&b, "%02x", random[i]);
	return true;
}

struct process *process_new(struct agent *a, const char *argv0)
{
	struct process *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->agent = a;
	v->argv0 = strdup(argv0);
	if (v->argv0 == NULL || !make_token(v->token)) {
		free(v->argv0);
		free(v);
		return NULL;
	}
	v->started_at = time(NULL);
	job_init(&v->job, &a->jobs, on_done);
	v->job.started = on_started;
	v->job.readable = on_readable;
	v->job.writable = on_writable;
	v->next = a->processes;
	a->processes = v;
	a->process_count++;
	return v;
}
