/* SPDX-License-Identifier: MIT */
#include "agent/requests/processes.h"

#include "agent/checks/launch.h"
#include "agent/requests/output_queue.h"
#include "agent/requests/policy.h"
#include "agent/wire/stream.h"
#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define TOKEN_MAX     38 /* bytes, terminator included */
#define READ_SIZE     16384
#define READS_AT_END  128 /* what is left in a pipe at the end, and no more */
#define TIMEOUT_MAX_S (365ULL * 86400)

struct process {
	struct process *next;
	struct agent *agent;
	char token[TOKEN_MAX];
	char *argv0;
	time_t started_at;
	struct job job;
	struct pending starting; /* ProcStart, until the program runs */
	bool is_starting, has_ended;
	bool is_overdue; /* the time of a wait is over */
	enum proc_state state;
	int code;
	struct output_queue output;
	char *input; /* what it has not taken yet */
	size_t input_len;
	bool closes_input; /* when all of it is taken */
	struct wait *waits;
	size_t wait_count;
	struct loop_timer forget;
};

/* A ProcWait. */
struct wait {
	struct stream stream;
	struct wait *next;
	struct process *process;
	struct loop_timer limit;
};

/* ---- answers --------------------------------------------------------------------------------- */

static void write_result(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PROC_RESULT, arg);
}

static struct proc_result error_result(enum proc_error kind, const char *message)
{
	return (struct proc_result){ .kind = PROC_RESULT_ERROR,
		.as.error = { .kind = kind, .message = (char *)(uintptr_t)message } };
}

static void reply_error(struct connection *c, enum proc_error kind, const char *message)
{
	struct proc_result r = error_result(kind, message);

	connection_reply(c, write_result, &r);
}

static void reply_done(struct connection *c, enum proc_result_kind kind)
{
	connection_reply(c, write_result, &(struct proc_result){ .kind = kind });
}

static struct process *find(struct agent *a, const char *token)
{
	struct process *v = a->processes;

	while (v != NULL && strcmp(v->token, token) != 0)
		v = v->next;
	return v;
}

/* The process of a request, or NULL after the reply that there is none. */
static struct process *find_or_refuse(struct agent *a, struct connection *c, const char *token)
{
	struct process *v = find(a, token);

	if (v == NULL || v->is_starting)
		reply_error(c, PROC_UNKNOWN_TOKEN,
			"no such process: it is lost with the agent that started it, or ended over "
			"a minute ago");
	return v != NULL && !v->is_starting ? v : NULL;
}

/* ---- the end of a process -------------------------------------------------------------------- */

static void forget(struct process *v)
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
		forget(v);
	else
		loop_timer_set(&v->agent->loop, timer, clock_ms() + PROCESS_KEPT_MS);
}

static void remove_wait(struct wait *w)
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

/* Send to everybody who waits. Who is gone is taken off. */
static void broadcast(struct process *v, int stream, const char *bytes, size_t len)
{
	struct proc_event event = { .kind = stream == 1 ? PROC_EVENT_STDOUT : PROC_EVENT_STDERR,
		.as.output.chunk = { (char *)(uintptr_t)bytes, len } };

	for (struct wait *w = v->waits, *next; w != NULL; w = next) {
		next = w->next;
		if (stream_send(&w->stream, ANSWER_PROC_WAIT_EVENT, &event))
			continue;
		stream_drop(&w->stream);
		remove_wait(w);
	}
}

static void tell_of_loss(struct process *v)
{
	char text[96];
	size_t len = buf_format(text, sizeof(text),
		"mvm-guest-agent: %llu bytes of output were not kept\n",
		(unsigned long long)v->output.lost);

	v->output.lost = 0;
	broadcast(v, 2, text, len);
}

/* Pass on what is there, as fast as the slowest of those who wait takes it. */
static void pump(struct process *v)
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
		remove_wait(w);
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
	pump(v);
}

static void write_input(struct process *v)
{
	while (v->input_len > 0) {
		ssize_t n = job_write(&v->job, v->input, v->input_len);

		if (n == 0)
			break;
		/* It has closed its standard input: what was to come is of no use to it. */
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
	write_input(LOOP_OWNER(job, struct process, job));
}

/* It runs, or its child could not become it: that is the answer to ProcStart. */
static void on_started(struct job *job, bool runs)
{
	struct process *v = LOOP_OWNER(job, struct process, job);
	struct proc_result r = { .kind = PROC_RESULT_STARTED, .as.started.pid_token = v->token };
	char text[256];

	if (!v->is_starting)
		return;
	v->is_starting = false;
	if (!runs) {
		buf_format(text, sizeof(text), "%s: %s: %s", v->argv0,
			spawn_stage_name(job->failure.stage),
			problem_errno_text(job->failure.error));
		r = error_result(
			job->failure.stage == SPAWN_DIRECTORY ? PROC_BAD_CWD : PROC_SPAWN_FAILED,
			text);
	}
	pending_reply(&v->starting, write_result, &r);
	pending_end(&v->starting);
}

static void on_done(struct job *job)
{
	struct process *v = LOOP_OWNER(job, struct process, job);

	if (job->end == JOB_NOT_RUN) {
		forget(v);
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
	pump(v);
}

/* ---- ProcStart ------------------------------------------------------------------------------- */

static void starting_gone(struct pending *w)
{
	struct process *v = LOOP_OWNER(w, struct process, starting);

	/* Nobody has its token. */
	job_kill(&v->job);
}

static void starting_abandoned(struct pending *w)
{
	(void)w; /* processes_close() */
}

/* The environment as execve(2) takes it, in one piece of memory; NULL with `why`. */
static char **make_environment(const struct field_list *env, const char **why)
{
	const struct field_pair *pairs = env->items;
	size_t text = 0;
	char **list, *at, *end;

	*why = "out of memory";
	for (size_t i = 0; i < env->count; i++) {
		if (pairs[i].name[0] == '\0' || strchr(pairs[i].name, '=') != NULL) {
			*why = "env has a name that is empty or contains '='";
			return NULL;
		}
		text += strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
	}
	list = malloc((env->count + 1) * sizeof(*list) + text + 1);
	if (list == NULL)
		return NULL;
	at = (char *)(list + env->count + 1);
	end = at + text + 1;
	for (size_t i = 0; i < env->count; i++) {
		list[i] = at;
		at += buf_format(at, (size_t)(end - at), "%s=%s", pairs[i].name, pairs[i].value) +
		      1;
	}
	list[env->count] = NULL;
	return list;
}

static char **make_argv(const struct field_list *argv)
{
	char **list = malloc((argv->count + 1) * sizeof(*list));

	if (list == NULL)
		return NULL;
	memcpy(list, argv->items, argv->count * sizeof(*list));
	list[argv->count] = NULL;
	return list;
}

static bool make_token(char token[TOKEN_MAX])
{
	unsigned char random[16];
	struct buf b;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	buf_init(&b, token, TOKEN_MAX);
	buf_puts(&b, PROCESS_TOKEN_PREFIX);
	for (size_t i = 0; i < sizeof(random); i++)
		buf_printf(&b, "%02x", random[i]);
	return true;
}

/* Start it as the policy's user. Returns 0, or -errno with `p`. */
static int run(struct process *v, const struct proc_start_request *r, char *const *argv,
	char *const *envp, struct problem *p)
{
	struct agent *a = v->agent;
	const struct policy_defaults image = { .dev = a->options.dev, .user = a->options.dev_user };
	struct job_spec spec = { .argv = argv,
		.envp = envp,
		.directory = r->cwd,
		.is_streamed = true,
		.kill_rest = true,
		.timeout_ms = !r->has_timeout                   ? 0
			      : r->timeout_secs < TIMEOUT_MAX_S ? r->timeout_secs * 1000
								: TIMEOUT_MAX_S * 1000 };
	struct policy policy;
	struct identity id;
	int err;

	policy_read(a->paths.policy, &image, &policy);
	err = identity_find(&a->identities, policy.user[0] != '\0' ? policy.user : NULL, &id, p);
	if (err == 0) {
		spec.user = id.user;
		err = job_start(&v->job, &spec);
		if (err != 0)
			problem_set(p, -err, "cannot start a process");
	}
	identity_free(&id);
	return err;
}

static size_t count_running(const struct agent *a)
{
	size_t n = 0;

	for (const struct process *v = a->processes; v != NULL; v = v->next)
		n += !v->has_ended;
	return n;
}

/* A place for one more: the one that ended first makes room. */
static bool make_room(struct agent *a)
{
	struct process *oldest = NULL;

	if (count_running(a) >= PROCESSES_MAX)
		return false;
	for (struct process *v = a->processes; v != NULL; v = v->next)
		if (v->has_ended && v->waits == NULL)
			oldest = v; /* new ones come first in the list */
	if (a->process_count >= PROCESSES_KEPT_MAX && oldest != NULL)
		forget(oldest);
	return a->process_count < PROCESSES_KEPT_MAX;
}

static struct process *new_process(struct agent *a, const char *argv0)
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

static void start(struct agent *a, struct connection *c, struct proc_start_request *r,
	char *const *argv, char *const *envp)
{
	struct process *v = make_room(a) ? new_process(a, argv[0]) : NULL;
	struct problem p;

	if (v == NULL) {
		reply_error(c, PROC_CAP_EXCEEDED, "too many processes run already (32)");
		return;
	}
	if (run(v, r, argv, envp, &p) != 0) {
		forget(v);
		reply_error(c, PROC_SPAWN_FAILED, p.text);
		return;
	}
	v->input = r->stdin_bytes.data;
	v->input_len = r->stdin_bytes.len;
	r->stdin_bytes = (struct field_bytes){ 0 };
	v->is_starting = true;
	v->starting.gone = starting_gone;
	v->starting.abandon = starting_abandoned;
	pending_begin(&v->starting, a, c);
	write_input(v);
}

void proc_start(struct agent *a, struct connection *c, struct request *r)
{
	struct proc_start_request *s = &r->body.proc_start;
	const char *why = NULL;
	char **argv, **envp;

	if (s->argv.count == 0 || ((char **)s->argv.items)[0][0] != '/') {
		reply_error(c, PROC_INVALID_ARGV, "argv[0] must be an absolute path");
		return;
	}
	if (s->cwd != NULL && s->cwd[0] != '/') {
		reply_error(c, PROC_BAD_CWD, "cwd must be an absolute path");
		return;
	}
	argv = make_argv(&s->argv);
	envp = make_environment(&s->env, &why);
	if (argv == NULL)
		reply_error(c, PROC_OTHER, "out of memory");
	else if (envp == NULL)
		reply_error(c, PROC_INVALID_ENV, why);
	else
		start(a, c, s, argv, envp);
	free(argv);
	free(envp);
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
		if (v->is_starting)
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
	connection_reply(c, write_result, &result);
}

void proc_signal(struct agent *a, struct connection *c, struct request *r)
{
	struct process *v = find_or_refuse(a, c, r->body.proc_signal.pid_token);
	int64_t signum = r->body.proc_signal.signum;
	int err;

	if (v == NULL)
		return;
	if (signum < 1 || signum > 64) {
		reply_error(c, PROC_OTHER, "no such signal");
		return;
	}
	err = job_signal(&v->job, (int)signum);
	if (err != 0)
		reply_error(c, PROC_OTHER,
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

/* Bytes that have no room are not accepted, and the host sends them again. */
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
		reply_error(c, PROC_OTHER, "its standard input is closed");
		return;
	}
	if (bytes->len == 0)
		v->closes_input = true;
	else
		result.as.input.bytes_accepted = add_input(v, bytes);
	write_input(v);
	connection_reply(c, write_result, &result);
}

/* ---- ProcWait -------------------------------------------------------------------------------- */

static void wait_gone(struct stream *s)
{
	struct wait *w = LOOP_OWNER(s, struct wait, stream);
	struct process *v = w->process;

	remove_wait(w);
	pump(v);
}

static void wait_abandoned(struct stream *s)
{
	remove_wait(LOOP_OWNER(s, struct wait, stream));
}

static void wait_drained(struct stream *s)
{
	pump(LOOP_OWNER(s, struct wait, stream)->process);
}

/* Hosts give up on a stream that says nothing: a chunk without bytes keeps it alive. */
static void wait_silent(struct stream *s)
{
	struct proc_event event = { .kind = PROC_EVENT_STDOUT };

	(void)stream_send(s, ANSWER_PROC_WAIT_EVENT, &event);
}

/* The time of a wait is the process's: hosts print "timed out", and expect it to be gone. */
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
		refuse_wait(c, PROC_CAP_EXCEEDED, "too many wait for it already");
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
			clock_ms() + (q->timeout_secs < TIMEOUT_MAX_S ? q->timeout_secs
								      : TIMEOUT_MAX_S) *
					     1000);
	}
	pump(v);
}

void processes_close(struct agent *a)
{
	while (a->processes != NULL)
		forget(a->processes);
}
