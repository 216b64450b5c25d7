/* SPDX-License-Identifier: MIT */
#include "probe/verbs/guest_files.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "probe/memory.h"
#include "probe/show/text.h"
#include "probe/verbs/output.h"
#include "probe/wire/exchange.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL_PAUSE_US 20000 /* pause after a process took no input */

/* ---- questions ------------------------------------------------------------------------------- */

struct asked {
	bool is_done;
};

static void done(struct exchange *x)
{
	((struct asked *)x->owner)->is_done = true;
}

/* Set the failure to the agent's message, in a form that is safe to show. */
static bool refused(struct guest_files *g, const char *message)
{
	char storage[FAILURE_TEXT_MAX];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text_of(message), 400);
	failure_set(&g->failure, FAILURE_ERROR_ANSWER, "%s", b.data);
	return false;
}

/* Run one exchange to its end. The caller frees the exchange. */
static bool run(
	struct guest_files *g, struct exchange *x, enum message_kind request, const void *body)
{
	struct asked asked = { 0 };
	char *text = output_request(request, body);

	x->loop = &g->loop;
	x->target = &g->target;
	x->request = text;
	x->request_len = strlen(text);
	x->timeout_ms = g->timeout_ms;
	x->done = done;
	x->owner = &asked;
	exchange_start(x);
	while (!asked.is_done && loop_run_once(&g->loop) == 0)
		;
	free(text);
	x->owner = NULL;
	if (x->failure.kind != FAILURE_NONE)
		g->failure = x->failure;
	return x->failure.kind == FAILURE_NONE;
}

bool guest_ask(struct guest_files *g, enum message_kind request, const void *body,
	enum message_kind want, struct answer *a)
{
	struct exchange x = { 0 };
	struct problem p;
	bool is_good = run(g, &x, request, body);

	*a = (struct answer){ .kind = MESSAGE_KINDS };
	if (is_good && answer_decode(x.body, x.body_len, a, &p) != 0) {
		failure_set(&g->failure, FAILURE_UNDECODABLE, "%s", p.text);
		is_good = false;
	} else if (is_good && a->kind == ANSWER_ERROR) {
		is_good = refused(g, a->body.error.message);
	} else if (is_good && a->kind != want) {
		is_good = refused(g, "its profile does not serve this request request");
	}
	exchange_free(&x);
	return is_good;
}

bool guest_ask_fs(
	struct guest_files *g, enum message_kind request, const void *body, struct answer *a)
{
	if (!guest_ask(g, request, body, ANSWER_FS_RESULT, a))
		return false;
	if (a->body.fs.kind != FS_RESULT_ERROR)
		return true;
	g->error = a->body.fs.as.error.kind;
	return refused(g, a->body.fs.as.error.message);
}

/* ---- reading --------------------------------------------------------------------------------- */

bool guest_read(struct guest_files *g, const char *path,
	bool (*take)(void *arg, const char *bytes, size_t len), void *arg)
{
	struct fs_read_request r = { .path = (char *)(uintptr_t)path,
		.length = GUEST_PAGE_MAX,
		.has_offset = true,
		.follow_symlinks = true };
	bool is_good = true, is_end = false;

	while (is_good && !is_end) {
		struct answer a;

		is_good = guest_ask_fs(g, REQUEST_FS_READ, &r, &a);
		if (is_good && a.body.fs.kind == FS_RESULT_READ) {
			const struct field_bytes *page = &a.body.fs.as.read.content;

			r.offset += page->len;
			is_end = page->len < GUEST_PAGE_MAX;
			is_good = take(arg, page->data, page->len);
		} else if (is_good) {
			is_good = refused(g, "unexpected answer from the guest");
		}
		answer_free(&a);
	}
	return is_good;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool guest_ask_proc(struct guest_files *g, enum message_kind request, const void *body,
	enum proc_result_kind want, struct answer *a)
{
	if (!guest_ask(g, request, body, ANSWER_PROC_RESULT, a))
		return false;
	if (a->body.proc.kind == PROC_RESULT_ERROR)
		return refused(g, a->body.proc.as.error.message);
	return a->body.proc.kind == want || refused(g, "unexpected answer from the guest");
}

/* Send input. Bytes that the process does not take are sent again. */
static bool feed(struct guest_files *g, char *token, const char *bytes, size_t len)
{
	bool is_good = true;

	while (is_good && len > 0) {
		size_t n = len < GUEST_WRITE_MAX ? len : GUEST_WRITE_MAX, taken = 0;
		struct proc_input_request r = { token, { (char *)(uintptr_t)bytes, n } };
		struct answer a;

		is_good = guest_ask_proc(
			g, REQUEST_PROC_SEND_INPUT, &r, PROC_RESULT_INPUT_ACCEPTED, &a);
		if (is_good)
			taken = (size_t)a.body.proc.as.input.bytes_accepted;
		answer_free(&a);
		if (taken > n)
			taken = n;
		if (is_good && taken == 0)
			usleep(FULL_PAUSE_US);
		bytes += taken;
		len -= taken;
	}
	return is_good;
}

/* End the standard input, and check that the file has the length of what was sent. */
static bool finish(struct guest_files *g, char *token, char *path, size_t len)
{
	struct proc_input_request end = { .pid_token = token };
	struct fs_path_request look = { .path = path };
	uint64_t deadline = clock_ms() + g->timeout_ms, size = 0;
	struct answer a;
	bool is_good =
		guest_ask_proc(g, REQUEST_PROC_SEND_INPUT, &end, PROC_RESULT_INPUT_ACCEPTED, &a);

	answer_free(&a);
	while (is_good && size != len) {
		is_good = guest_ask_fs(g, REQUEST_FS_STAT, &look, &a);
		if (is_good)
			size = a.body.fs.as.stat.size;
		answer_free(&a);
		if (is_good && size != len && clock_ms() > deadline)
			return refused(g, "the guest did not write the whole file");
		if (is_good && size != len)
			usleep(FULL_PAUSE_US);
	}
	return is_good;
}

/* Write through a shell into an existing file, which keeps its mode. */
static bool pour(struct guest_files *g, char *path, const char *bytes, size_t len)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "exec cat >\"$0\"", path };
	struct proc_start_request r = { .argv = { .items = argv, .count = 4 } };
	char token[64] = "";
	struct answer a;
	bool is_good = guest_ask_proc(g, REQUEST_PROC_START, &r, PROC_RESULT_STARTED, &a);

	if (is_good)
		buf_format(token, sizeof(token), "%s", a.body.proc.as.started.pid_token);
	answer_free(&a);
	return is_good && feed(g, token, bytes, len) && finish(g, token, path, len);
}

struct comparison {
	const char *bytes;
	size_t left;
	bool is_equal;
};

static bool compare(void *arg, const char *bytes, size_t len)
{
	struct comparison *c = arg;

	c->is_equal = len <= c->left && (len == 0 || memcmp(c->bytes, bytes, len) == 0);
	if (!c->is_equal)
		return false;
	c->bytes += len;
	c->left -= len;
	return true;
}

/* Read the file back and compare. */
static bool verify(struct guest_files *g, const char *path, const char *bytes, size_t len)
{
	struct comparison c = { bytes, len, true };

	if (!guest_read(g, path, compare, &c) && c.is_equal)
		return false;
	return (c.is_equal && c.left == 0) || refused(g, "the guest did not write the whole file");
}

static bool write_once(
	struct guest_files *g, char *path, const char *bytes, size_t len, unsigned int mode)
{
	struct fs_write_request r = { .path = path,
		.content = { (char *)(uintptr_t)bytes, len },
		.mode = mode,
		.follow_symlinks = true };
	struct answer a;
	bool is_good = guest_ask_fs(g, REQUEST_FS_WRITE, &r, &a);

	answer_free(&a);
	return is_good;
}

static bool put_in_place(struct guest_files *g, char *from, char *to)
{
	struct fs_move_request r = { .from = from, .to = to, .follow_symlinks = true };
	struct answer a;
	bool is_good = guest_ask_fs(g, REQUEST_FS_MOVE, &r, &a);

	answer_free(&a);
	return is_good;
}

static void remove_file(struct guest_files *g, char *path)
{
	struct fs_remove_request r = { .path = path, .follow_symlinks = true };
	struct failure cause = g->failure;
	struct answer a;

	(void)guest_ask_fs(g, REQUEST_FS_REMOVE, &r, &a);
	answer_free(&a);
	g->failure = cause;
}

bool guest_write(
	struct guest_files *g, const char *path, const char *bytes, size_t len, unsigned int mode)
{
	char *to = (char *)(uintptr_t)path, temporary[PATH_MAX];
	bool is_good;

	if (len <= GUEST_WRITE_MAX)
		return write_once(g, to, bytes, len, mode) && verify(g, path, bytes, len);
	if (buf_format(temporary, sizeof(temporary), "%s.new%x", path, (unsigned int)getpid()) >=
		sizeof(temporary))
		return refused(g, "too long");
	is_good = write_once(g, temporary, "", 0, mode) && pour(g, temporary, bytes, len) &&
		  verify(g, temporary, bytes, len) && put_in_place(g, temporary, to);
	if (!is_good)
		remove_file(g, temporary);
	return is_good;
}
