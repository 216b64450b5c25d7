/* SPDX-License-Identifier: MIT */
#include "agent/requests/run_entrypoint.h"

#include "agent/requests/control_record.h"
#include "agent/requests/entrypoint.h"
#include "agent/requests/files.h"
#include "agent/requests/guest_policy.h"
#include "agent/requests/output_queue.h"
#include "agent/wire/stream.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define READ_SIZE     16384
#define TIMEOUT_MAX_S (365ULL * 86400)

struct entrypoint_call {
	struct agent *agent;
	struct stream stream;
	bool has_client, runs, is_over;
	char path[PATH_MAX];
	char directory[64]; /* of its own; "": there is none */
	char text[256];     /* the file request that makes or removes it */
	struct buf request;
	struct job files, job;
	char *input; /* what it has not taken yet */
	size_t input_len;
	struct output_queue output;
	struct control_records records;
	uint64_t bytes[JOB_STREAMS]; /* of each stream, so far */
	uint64_t timeout_ms;
	struct loop_timer limit;
	bool is_ending;                /* it has got SIGTERM */
	struct entrypoint_event event; /* the last one, when `is_over` or `is_ending` */
	char why[PROBLEM_TEXT_MAX];    /* of an error */
};

/* ---- answers --------------------------------------------------------------------------------- */

static void write_event(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_ENTRYPOINT_EVENT, arg);
}

static void set_error(struct entrypoint_call *v, enum entrypoint_error kind, const char *why)
{
	buf_format(v->why, sizeof(v->why), "%s", why);
	v->event = (struct entrypoint_event){ .kind = ENTRYPOINT_ERROR,
		.as.error = { .kind = kind, .message = v->why } };
}

static void refuse_call(struct connection *c, enum entrypoint_error kind, const char *why)
{
	struct entrypoint_event event = { .kind = ENTRYPOINT_ERROR,
		.as.error = { .kind = kind, .message = (char *)(uintptr_t)why } };

	connection_reply(c, write_event, &event);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void call_free(struct entrypoint_call *v)
{
	v->agent->entrypoint_call = NULL;
	loop_timer_clear(&v->agent->loop, &v->limit);
	output_queue_free(&v->output);
	control_records_free(&v->records);
	job_release(&v->job);
	job_release(&v->files);
	free(v->input);
	free(v);
}

static void limit_expired(struct loop_timer *timer);

/* SIGTERM, which a stopped process can act on, too, and SIGKILL two seconds later. */
static void end_early(struct entrypoint_call *v, enum entrypoint_error kind, const char *why)
{
	if (v->is_ending || !v->runs)
		return;
	v->is_ending = true;
	set_error(v, kind, why);
	(void)job_signal(&v->job, SIGTERM);
	(void)job_signal(&v->job, SIGCONT);
	loop_timer_set(&v->agent->loop, &v->limit, clock_ms() + ENTRYPOINT_KILL_MS);
}

static void limit_expired(struct loop_timer *timer)
{
	struct entrypoint_call *v = LOOP_OWNER(timer, struct entrypoint_call, limit);

	if (v->is_ending)
		job_kill(&v->job);
	else
		end_early(v, ENTRYPOINT_TIMEOUT, "its time is over");
}

/* ---- output ---------------------------------------------------------------------------------- */

/* False when the client is gone. */
static bool send_event(struct entrypoint_call *v, const struct entrypoint_event *event)
{
	if (stream_send(&v->stream, ANSWER_ENTRYPOINT_EVENT, event))
		return true;
	stream_drop(&v->stream);
	v->has_client = false;
	end_early(v, ENTRYPOINT_SESSION_KILLED, "its client is gone");
	return false;
}

static bool send_output(struct entrypoint_call *v)
{
	struct output_piece *piece = output_queue_take(&v->output);
	struct entrypoint_event event = { 0 };
	bool is_good;

	if (piece == NULL)
		return false;
	event.kind = piece->stream == 1 ? ENTRYPOINT_STDOUT : ENTRYPOINT_STDERR;
	event.as.output.chunk = (struct field_bytes){ piece->bytes, piece->len };
	is_good = send_event(v, &event);
	free(piece);
	return is_good;
}

static bool send_record(struct entrypoint_call *v)
{
	struct entrypoint_event event = { .kind = ENTRYPOINT_CONTROL };
	char *header = NULL;
	int got = control_records_take(&v->records, &event.as.control, &header);
	bool is_good = got == 1 && send_event(v, &event);

	free(header);
	if (got >= 0)
		return is_good;
	control_records_free(&v->records);
	job_watch(&v->job, 3, false);
	end_early(v, got == -EMSGSIZE ? ENTRYPOINT_PAYLOAD_CAP : ENTRYPOINT_INTERNAL_ERROR,
		got == -EMSGSIZE ? "a control record is larger than a frame"
				 : "a control record cannot be read");
	return false;
}

/* Send what there is, as fast as the client takes it, and the last event behind it. */
static void pump(struct entrypoint_call *v)
{
	bool more = true;

	while (v->has_client && more && !stream_is_full(&v->stream))
		more = send_output(v) || (v->has_client && send_record(v));
	if (!v->is_over) {
		bool reads = !v->has_client || !output_queue_is_full(&v->output);

		for (int i = 1; i < JOB_STREAMS; i++)
			job_watch(&v->job, i, reads);
		return;
	}
	if (v->has_client && v->output.len > 0)
		return; /* until the client takes it */
	if (v->has_client)
		stream_end(&v->stream, ANSWER_ENTRYPOINT_EVENT, &v->event);
	call_free(v);
}

static void client_gone(struct stream *s)
{
	struct entrypoint_call *v = LOOP_OWNER(s, struct entrypoint_call, stream);

	v->has_client = false;
	if (v->is_over)
		call_free(v);
	else
		end_early(v, ENTRYPOINT_SESSION_KILLED, "its client is gone");
}

static void client_takes_more(struct stream *s)
{
	pump(LOOP_OWNER(s, struct entrypoint_call, stream));
}

/* Hosts give up on a stream that says nothing: a chunk without bytes keeps it alive. */
static void client_hears_nothing(struct stream *s)
{
	struct entrypoint_event event = { .kind = ENTRYPOINT_STDOUT };

	(void)send_event(LOOP_OWNER(s, struct entrypoint_call, stream), &event);
}

static void abandon(struct stream *s)
{
	LOOP_OWNER(s, struct entrypoint_call, stream)->has_client = false;
}

/* ---- the directory --------------------------------------------------------------------------- */

static int files_begin(struct entrypoint_call *v, enum message_kind kind, const void *body,
	void (*done)(struct job *job), struct problem *p)
{
	buf_init(&v->request, v->text, sizeof(v->text));
	message_encode(&v->request, kind, body);
	v->files.done = done;
	return files_start(v->agent, &v->files, &v->request, p);
}

/* What a file request has answered: "" when it is done, or why not. */
static void files_result(struct entrypoint_call *v, char *why, size_t size)
{
	struct answer a = { 0 };
	struct problem p;

	buf_format(why, size, "its process ended without an answer");
	if (v->files.end == JOB_EXITED && v->files.out.data != NULL && !v->files.out.cut &&
		answer_decode(v->files.out.data, v->files.out.len, &a, &p) == 0 &&
		a.kind == ANSWER_FS_RESULT)
		buf_format(why, size, "%s",
			a.body.fs.kind == FS_RESULT_ERROR ? a.body.fs.as.error.message : "");
	answer_free(&a);
}

static void over(struct entrypoint_call *v)
{
	v->is_over = true;
	pump(v);
}

static void directory_removed(struct job *job)
{
	struct entrypoint_call *v = LOOP_OWNER(job, struct entrypoint_call, files);
	char why[256];

	files_result(v, why, sizeof(why));
	if (why[0] != '\0')
		log_line("entrypoint: cannot remove %s: %s", v->directory, why);
	over(v);
}

static void remove_directory(struct entrypoint_call *v)
{
	struct fs_remove_request r = { .path = v->directory, .recursive = true };
	struct problem p;

	if (files_begin(v, REQUEST_FS_REMOVE, &r, directory_removed, &p) == 0)
		return;
	log_line("entrypoint: cannot remove %s: %s", v->directory, p.text);
	over(v);
}

/* ---- the program ----------------------------------------------------------------------------- */

static void on_readable(struct job *job, int stream)
{
	struct entrypoint_call *v = LOOP_OWNER(job, struct entrypoint_call, job);
	char bytes[READ_SIZE];
	ssize_t n;

	do {
		n = job_read(job, stream, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		v->bytes[stream] += (uint64_t)n;
		if (v->bytes[stream] > ENTRYPOINT_OUTPUT_MAX)
			end_early(v, ENTRYPOINT_PAYLOAD_CAP, "it has written over 1 MiB");
		else if (stream < 3)
			output_queue_add(&v->output, stream, bytes, (size_t)n);
		else if (control_records_add(&v->records, bytes, (size_t)n) != 0)
			end_early(v, ENTRYPOINT_INTERNAL_ERROR, "out of memory");
	} while (job->is_ending && v->bytes[stream] <= ENTRYPOINT_OUTPUT_MAX);
	if (!job->is_ending)
		pump(v);
}

static void feed(struct entrypoint_call *v)
{
	ssize_t n = 1;

	while (v->input_len > 0 && n > 0) {
		n = job_write(&v->job, v->input, v->input_len);
		if (n > 0) {
			v->input_len -= (size_t)n;
			memmove(v->input, v->input + n, v->input_len);
		}
	}
	if (v->input_len == 0)
		job_close_input(&v->job);
	else
		job_watch(&v->job, 0, n >= 0); /* one that takes no more is no error */
}

static void on_writable(struct job *job)
{
	feed(LOOP_OWNER(job, struct entrypoint_call, job));
}

static void on_started(struct job *job, bool runs)
{
	(void)job;
	(void)runs; /* job_done() says why not */
}

static void describe_end(struct entrypoint_call *v)
{
	const struct job *job = &v->job;
	char why[256];

	if (v->is_ending)
		return;
	if (job->end == JOB_EXITED) {
		v->event = (struct entrypoint_event){ .kind = ENTRYPOINT_EXIT,
			.as.exit.code = job->code };
		return;
	}
	if (job->end == JOB_NOT_RUN)
		buf_format(why, sizeof(why), "%s: %s: %s", v->path,
			spawn_stage_name(job->failure.stage),
			problem_errno_text(job->failure.error));
	else
		buf_format(why, sizeof(why), "signal %d has ended it", job->code);
	set_error(
		v, job->end == JOB_NOT_RUN ? ENTRYPOINT_INVALID : ENTRYPOINT_WRAPPER_CRASHED, why);
}

static void job_done(struct job *job)
{
	struct entrypoint_call *v = LOOP_OWNER(job, struct entrypoint_call, job);

	v->runs = false;
	loop_timer_clear(&v->agent->loop, &v->limit);
	describe_end(v);
	remove_directory(v);
}

static int run(struct entrypoint_call *v, struct problem *p)
{
	struct agent *a = v->agent;
	static char *environment[] = { NULL };
	char *argv[] = { v->path, NULL };
	struct job_spec spec = { .argv = argv,
		.envp = environment,
		.directory = v->directory,
		.has_group = true,
		.is_streamed = true,
		.has_control = true,
		.kill_rest = true };
	struct identity id;
	int err = guest_policy_identity(a, NULL, &id, p);

	if (err != 0)
		return err;
	spec.user = id.user;
	err = job_start(&v->job, &spec);
	identity_free(&id);
	if (err != 0)
		return problem_set(p, -err, "cannot start a process");
	v->runs = true;
	loop_timer_set(&a->loop, &v->limit, clock_ms() + v->timeout_ms);
	feed(v);
	return 0;
}

static void directory_made(struct job *job)
{
	struct entrypoint_call *v = LOOP_OWNER(job, struct entrypoint_call, files);
	struct problem p;
	char why[256];

	files_result(v, why, sizeof(why));
	if (why[0] != '\0') {
		set_error(v, ENTRYPOINT_INTERNAL_ERROR, why);
		over(v);
	} else if (!v->has_client || run(v, &p) != 0) {
		set_error(v, ENTRYPOINT_INTERNAL_ERROR, v->has_client ? p.text : "");
		remove_directory(v);
	}
}

/* ---- the request ----------------------------------------------------------------------------- */

static struct entrypoint_call *call_new(
	struct agent *a, const struct entrypoint *e, struct run_entrypoint *r)
{
	struct entrypoint_call *v = calloc(1, sizeof(*v));
	unsigned int random;

	if (v == NULL || getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		free(v);
		return NULL;
	}
	v->agent = a;
	memcpy(v->path, e->path, sizeof(v->path));
	buf_format(v->directory, sizeof(v->directory), "/tmp/mvm-call-%u-%08x",
		(unsigned int)getpid(), random);
	v->input = r->stdin_bytes.data;
	v->input_len = r->stdin_bytes.len;
	r->stdin_bytes = (struct field_bytes){ 0 };
	v->timeout_ms = (r->timeout_secs < TIMEOUT_MAX_S ? r->timeout_secs : TIMEOUT_MAX_S) * 1000;
	v->limit.expire = limit_expired;
	job_init(&v->files, &a->jobs, directory_made);
	job_init(&v->job, &a->jobs, job_done);
	v->job.started = on_started;
	v->job.readable = on_readable;
	v->job.writable = on_writable;
	v->stream.gone = client_gone;
	v->stream.abandon = abandon;
	v->stream.drained = client_takes_more;
	v->stream.silent = client_hears_nothing;
	return v;
}

void run_entrypoint(struct agent *a, struct connection *c, struct request *r)
{
	struct fs_mkdir_request mkdir = { .mode = 0700 };
	struct entrypoint_call *v;
	struct entrypoint e;
	struct problem p;

	entrypoint_find(a->paths.entrypoint, &e);
	if (!e.is_valid) {
		refuse_call(c, ENTRYPOINT_INVALID, e.reason.text);
		return;
	}
	if (a->entrypoint_call != NULL) {
		refuse_call(c, ENTRYPOINT_BUSY, "it runs already");
		return;
	}
	v = call_new(a, &e, &r->body.run_entrypoint);
	if (v == NULL) {
		refuse_call(c, ENTRYPOINT_INTERNAL_ERROR, "out of memory");
		return;
	}
	a->entrypoint_call = v;
	v->has_client = true;
	stream_begin(&v->stream, a, c);
	mkdir.path = v->directory;
	if (files_begin(v, REQUEST_FS_MKDIR, &mkdir, directory_made, &p) == 0)
		return;
	set_error(v, ENTRYPOINT_INTERNAL_ERROR, p.text);
	over(v);
}

void run_entrypoint_close(struct agent *a)
{
	if (a->entrypoint_call != NULL)
		call_free(a->entrypoint_call);
}
