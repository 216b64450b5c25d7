/* SPDX-License-Identifier: MIT */
#include "agent/requests/files.h"

#include "agent/checks/launch.h"
#include "agent/files/file_answer.h"
#include "agent/requests/guest_policy.h"
#include "agent/wire/pending.h"
#include "base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct file_work {
	struct pending work;
	struct job job;
	enum message_kind kind;
	struct buf request; /* from malloc() */
};

static void file_work_free(struct file_work *f)
{
	f->work.agent->file_requests--;
	job_release(&f->job);
	free(f->request.data);
	free(f);
}

static void write_text(struct buf *b, const void *arg)
{
	const struct capture *text = arg;

	buf_put(b, text->data, text->len);
}

static void write_result(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_FS_RESULT, arg);
}

static void reply_error(struct file_work *f, enum fs_error kind, const char *message)
{
	struct fs_result result;

	file_error(&result, kind, message);
	pending_reply(&f->work, write_result, &result);
}

/* True if the output is an FsResult. Check it: processes of the same user can change it. */
static bool is_answer(const struct capture *out)
{
	struct answer a;
	struct problem p;
	bool is_good = !out->cut && answer_decode(out->data, out->len, &a, &p) == 0;

	if (out->cut)
		return false;
	is_good = is_good && a.kind == ANSWER_FS_RESULT;
	answer_free(&a);
	return is_good;
}

static void job_done(struct job *job)
{
	struct file_work *f = LOOP_OWNER(job, struct file_work, job);
	char text[256];
	struct buf b = BUF_OVER(text);

	buf_clear(&b);
	if (job->end == JOB_TIMED_OUT) {
		buf_printf(&b, "%s took longer than %d s; it may be half done",
			message_name(f->kind), FILES_MS / 1000);
		reply_error(f, FS_IO_ERROR, text);
	} else if (job->end == JOB_EXITED && job->code == 0 && is_answer(&job->out)) {
		pending_reply(&f->work, write_text, &job->out);
	} else {
		buf_printf(&b, "%s: its process ended without an answer: ", message_name(f->kind));
		launch_describe_end(job, &b);
		log_line("%s", text);
		reply_error(f, FS_OTHER, text);
	}
	pending_end(&f->work);
	file_work_free(f);
}

/* A hanging file system blocks its process even after SIGKILL. Tell the host in time anyway. */
static void job_stuck(struct job *job)
{
	struct file_work *f = LOOP_OWNER(job, struct file_work, job);

	log_line("%s: its process cannot be killed", message_name(f->kind));
	reply_error(f, FS_IO_ERROR, "the file system does not answer");
}

static void abandon(struct pending *w)
{
	file_work_free(LOOP_OWNER(w, struct file_work, work));
}

int files_start(struct agent *a, struct job *job, const struct buf *request, struct problem *p)
{
	char program[PATH_MAX], option[] = "--file-request";
	char *argv[] = { program, option, NULL };
	struct job_spec spec = { .timeout_ms = FILES_MS,
		.stuck_ms = 500,
		.out_max = PROTOCOL_BODY_MAX,
		.err_max = 256,
		.input = request->data,
		.input_len = request->len };
	struct identity id;
	int err = guest_policy_identity(a, NULL, &id, p);

	if (err != 0)
		return err;
	buf_format(program, sizeof(program), "%s", a->paths.self);
	spec.argv = argv;
	spec.envp = id.environment;
	spec.user = id.user;
	err = job_start(job, &spec);
	identity_free(&id);
	return err != 0 ? problem_set(p, -err, "cannot start a process") : 0;
}

static struct file_work *file_work_new(struct agent *a, struct connection *c, struct request *r)
{
	struct file_work *f = a->file_requests < FILES_AT_ONCE ? calloc(1, sizeof(*f)) : NULL;
	char *text = f != NULL ? malloc(r->text_len + 1) : NULL;

	if (text == NULL) {
		free(f);
		return NULL;
	}
	buf_init(&f->request, text, r->text_len + 1);
	buf_put(&f->request, r->text, r->text_len);
	f->kind = r->kind;
	a->file_requests++;
	job_init(&f->job, &a->jobs, job_done);
	f->job.stuck = job_stuck;
	/* No `gone`: the request finishes even if its client goes away. */
	f->work.abandon = abandon;
	pending_begin(&f->work, a, c);
	return f;
}

void files_requested(struct agent *a, struct connection *c, struct request *r)
{
	struct file_work *f = file_work_new(a, c, r);
	struct fs_result result;
	struct problem p;

	if (f == NULL) {
		file_error(&result, FS_CAP_EXCEEDED, "too many file requests at once (8)");
		connection_reply(c, write_result, &result);
		return;
	}
	if (files_start(a, &f->job, &f->request, &p) == 0)
		return;
	reply_error(f, FS_OTHER, p.text);
	pending_end(&f->work);
	file_work_free(f);
}
