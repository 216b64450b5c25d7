/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "probe/verbs/copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_US 20000 /* before more input is offered to a process that takes none */

static bool ask_proc(struct copy *c, enum message_kind request, const void *body,
	enum proc_result_kind want, struct answer *a)
{
	if (!guest_ask(&c->guest, request, body, ANSWER_PROC_RESULT, a))
		return false;
	if (a->body.proc.kind == PROC_RESULT_ERROR)
		return guest_refused(&c->guest, a->body.proc.as.error.message);
	return a->body.proc.kind == want ||
	       guest_refused(&c->guest, "the guest answered with something else");
}

/* Bytes that the process does not take now are offered again. */
static bool feed(struct copy *c, char *token, int fd, uint64_t size)
{
	char bytes[GUEST_PAGE_MAX];

	for (uint64_t at = 0; at < size;) {
		size_t want = size - at < sizeof(bytes) ? (size_t)(size - at) : sizeof(bytes);
		ssize_t n = file_read_up_to(fd, bytes, want, (off_t)at);
		struct proc_input_request r = { token, { bytes, n > 0 ? (size_t)n : 0 } };
		uint64_t taken = 0;
		struct answer a;

		if (n <= 0)
			return copy_failed(c, "the file", n < 0 ? (int)-n : ESTALE);
		if (ask_proc(c, REQUEST_PROC_SEND_INPUT, &r, PROC_RESULT_INPUT_ACCEPTED, &a))
			taken = a.body.proc.as.input.bytes_accepted;
		answer_free(&a);
		if (c->guest.failure.kind != FAILURE_NONE)
			return false;
		at += taken < (uint64_t)n ? taken : (uint64_t)n;
		if (taken == 0)
			usleep(PAUSE_US);
	}
	return true;
}

/* No agent of mvm can close a standard input: head(1) knows how much will come. */
static bool pour(struct copy *c, int fd, char *path, uint64_t size)
{
	char count[24];
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "exec head -c \"$1\" >\"$0\"", path, count };
	struct proc_start_request r = { .argv = { .items = argv, .count = 5 } };
	char token[64] = "";
	struct answer a;
	bool is_good;

	buf_format(count, sizeof(count), "%llu", (unsigned long long)size);
	is_good = ask_proc(c, REQUEST_PROC_START, &r, PROC_RESULT_STARTED, &a);
	if (is_good)
		buf_format(token, sizeof(token), "%s", a.body.proc.as.started.pid_token);
	answer_free(&a);
	return is_good && feed(c, token, fd, size);
}

/* The process has written all of it when the file is so long. */
static bool wait_for_size(struct copy *c, const char *path, uint64_t size)
{
	uint64_t deadline = clock_ms() + c->guest.reach.timeout_ms;

	for (;;) {
		struct answer a;
		bool is_whole = copy_stat(c, path, false, &a) && a.body.fs.as.stat.size == size;

		answer_free(&a);
		if (is_whole || c->guest.failure.kind != FAILURE_NONE)
			return is_whole;
		if (clock_ms() > deadline)
			return guest_refused(&c->guest, "the guest has not written all of it");
		usleep(PAUSE_US);
	}
}

struct comparison {
	struct copy *copy;
	int fd;
	uint64_t at;
};

static bool compare(void *arg, const char *bytes, size_t len)
{
	struct comparison *v = arg;
	char mine[GUEST_PAGE_MAX];
	ssize_t n = len <= sizeof(mine) ? file_read_up_to(v->fd, mine, len, (off_t)v->at) : -1;

	if (n < 0 || (size_t)n != len || (len > 0 && memcmp(mine, bytes, len) != 0))
		return guest_refused(&v->copy->guest, "the guest has written something else");
	v->at += len;
	return true;
}

bool copy_up_whole(struct copy *c, int fd, const char *path, uint64_t size, unsigned int mode)
{
	char first[GUEST_PAGE_MAX], *to = (char *)(uintptr_t)path;
	bool is_small = size <= sizeof(first);
	ssize_t n = is_small ? file_read_up_to(fd, first, (size_t)size, 0) : 0;
	struct fs_write_request r = {
		.path = to, .content = { first, n > 0 ? (size_t)n : 0 }, .mode = mode & 07777
	};
	struct comparison v = { c, fd, 0 };
	struct answer a;
	bool is_good = guest_ask_fs(&c->guest, REQUEST_FS_WRITE, &r, FS_RESULT_WRITE, &a);

	answer_free(&a);
	if (is_good && !is_small)
		is_good = pour(c, fd, to, size) && wait_for_size(c, path, size);
	return is_good && guest_read(&c->guest, path, compare, &v) &&
	       (v.at == size || guest_refused(&c->guest, "the guest has not written all of it"));
}
