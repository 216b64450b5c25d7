/* SPDX-License-Identifier: MIT */
#include "agent/requests/processes.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct process *find(struct agent *a, const char *token)
{
	struct process *v = a->processes;

	while (v != NULL && strcmp(v->token, token) != 0)
		v = v->next;
	return v;
}

/* The process of a request; NULL after replying that it does not exist. */
static struct process *find_or_refuse(struct agent *a, struct connection *c, const char *token)
{
	struct process *v = find(a, token);

	if (v == NULL || v->is_starting)
		process_reply_error(c, PROC_UNKNOWN_TOKEN,
			"no such process: it is lost with the agent that started it, or ended over "
			"a minute ago");
	return v != NULL && !v->is_starting ? v : NULL;
}

static void reply_done(struct connection *c, enum proc_result_kind kind)
{
	connection_reply(c, process_write_result, &(struct proc_result){ .kind = kind });
}

/* ---- ProcList, ProcSignal, ProcKill, ProcSendInput ---------------------------------------------
 */

void proc_list(struct agent *a, struct connection *c, struct request *r)
{
	struct proc_entry entries[PROCESSES_KEPT_MAX];
	char times[PROCESSES_KEPT_MAX][CLOCK_UTC_MAX];
	struct proc_result result = { .kind = PROC_RESULT_LIST,
		.as.list.processes.items = entries };
	size_t n = 0;

	(void)r;
	for (struct process *v = a->processes; v != NULL; v = v->next) {
		if (v->is_starting || v->job.has_failed)
			continue;
		clock_utc(v->started_at, times[n]);
		entries[n] = (struct proc_entry){ .pid_token = v->token,
			.started_at = times[n],
			.argv0 = v->argv0,
			.state = v->has_ended ? v->state : PROC_RUNNING,
			.code = v->code };
		n++;
	}
	result.as.list.processes.count = n;
	connection_reply(c, process_write_result, &result);
}

void proc_signal(struct agent *a, struct connection *c, struct request *r)
{
	struct process *v = find_or_refuse(a, c, r->body.proc_signal.pid_token);
	int64_t signum = r->body.proc_signal.signum;
	int err;

	if (v == NULL)
		return;
	if (signum < 1 || signum > 64) {
		process_reply_error(c, PROC_OTHER, "no such signal");
		return;
	}
	err = job_signal(&v->job, (int)signum);
	if (err != 0)
		process_reply_error(c, PROC_OTHER,
			err == -ESRCH ? "the process has ended" : problem_errno_text(-err));
	else
		reply_done(c, PROC_RESULT_SIGNALED);
}

void proc_kill(struct agent *a, struct connection *c, struct request *r)
{
	struct process *v = find_or_refuse(a, c, r->body.proc_kill.pid_token);

	if (v == NULL)
		return;
	job_kill(&v->job);
	reply_done(c, PROC_RESULT_KILLED);
}

/* Bytes without room are not accepted; the host sends them again. */
static size_t add_input(struct process *v, const struct field_bytes *bytes)
{
	size_t room = PROCESS_INPUT_MAX - v->input_len, n = bytes->len < room ? bytes->len : room;
	char *more = n > 0 ? realloc(v->input, v->input_len + n) : NULL;

	if (more == NULL)
		return 0;
	memcpy(more + v->input_len, bytes->data, n);
	v->input = more;
	v->input_len += n;
	return n;
}

void proc_send_input(struct agent *a, struct connection *c, struct request *r)
{
	const struct field_bytes *bytes = &r->body.proc_input.bytes;
	struct process *v = find_or_refuse(a, c, r->body.proc_input.pid_token);
	struct proc_result result = { .kind = PROC_RESULT_INPUT_ACCEPTED };

	if (v == NULL)
		return;
	if (v->has_ended || v->closes_input || job_write(&v->job, "", 0) == -EPIPE) {
		process_reply_error(c, PROC_OTHER, "its standard input is closed");
		return;
	}
	if (bytes->len == 0)
		v->closes_input = true;
	else
		result.as.input.bytes_accepted = add_input(v, bytes);
	process_feed(v);
	connection_reply(c, process_write_result, &result);
}

/* ---- ProcWait -------------------------------------------------------------------------------- */

static void wait_gone(struct stream *s)
{
	struct wait *w = LOOP_OWNER(s, struct wait, stream);
	struct process *v = w->process;

	process_remove_wait(w);
	process_pump(v);
}

static void wait_abandoned(struct stream *s)
{
	process_remove_wait(LOOP_OWNER(s, struct wait, stream));
}

static void wait_drained(struct stream *s)
{
	process_pump(LOOP_OWNER(s, struct wait, stream)->process);
}

/* Hosts give up on a silent stream. An empty chunk keeps it alive. */
static void wait_silent(struct stream *s)
{
	struct proc_event event = { .kind = PROC_EVENT_STDOUT };

	(void)stream_send(s, ANSWER_PROC_WAIT_EVENT, &event);
}

/* A wait's timeout ends the process: hosts print "timed out" and expect it to be gone. */
static void wait_expired(struct loop_timer *timer)
{
	struct process *v = LOOP_OWNER(timer, struct wait, limit)->process;

	if (v->has_ended)
		return;
	v->is_overdue = true;
	job_kill(&v->job);
}

static void write_event(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PROC_WAIT_EVENT, arg);
}

static void refuse_wait(struct connection *c, enum proc_error kind, const char *message)
{
	struct proc_event event = { .kind = PROC_EVENT_ERROR,
		.as.error = { .kind = kind, .message = (char *)(uintptr_t)message } };

	connection_reply(c, write_event, &event);
}

void proc_wait(struct agent *a, struct connection *c, struct request *r)
{
	const struct proc_wait_request *q = &r->body.proc_wait;
	struct process *v = find(a, q->pid_token);
	struct wait *w;

	if (v == NULL || v->is_starting) {
		refuse_wait(c, PROC_UNKNOWN_TOKEN,
			"no such process: it is lost with the agent that started it, or ended over "
			"a minute ago");
		return;
	}
	w = v->wait_count < PROCESS_WAITERS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (w == NULL) {
		refuse_wait(c, PROC_CAP_EXCEEDED, "too many clients already wait for this process");
		return;
	}
	w->process = v;
	w->next = v->waits;
	v->waits = w;
	v->wait_count++;
	w->stream.gone = wait_gone;
	w->stream.abandon = wait_abandoned;
	w->stream.drained = wait_drained;
	w->stream.silent = wait_silent;
	stream_begin(&w->stream, a, c);
	if (q->has_timeout && !v->has_ended) {
		w->limit.expire = wait_expired;
		loop_timer_set(&a->loop, &w->limit,
			clock_ms() + (q->timeout_secs < PROCESS_TIMEOUT_MAX_S
						     ? q->timeout_secs
						     : PROCESS_TIMEOUT_MAX_S) *
					     1000);
	}
	process_pump(v);
}

void processes_close(struct agent *a)
{
	while (a->processes != NULL)
		process_forget(a->processes);
}
