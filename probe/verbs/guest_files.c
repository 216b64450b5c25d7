/* SPDX-License-Identifier: MIT */
#include "probe/verbs/guest_files.h"

#include "base/agent_address.h"
#include "base/buf.h"
#include "probe/show/text.h"
#include "probe/verbs/output.h"

#include <stdlib.h>
#include <string.h>

bool guest_refused(struct guest_files *g, const char *message)
{
	char storage[FAILURE_TEXT_MAX];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, text_of(message), 400);
	failure_set(&g->failure, FAILURE_ERROR_ANSWER, "%s", b.data);
	return false;
}

bool guest_files_begin(struct guest_files *g, const struct target *t, const struct options *o,
	const char *capability)
{
	*g = (struct guest_files){ 0 };
	if (!reach_find(&g->reach, t, capability, o->timeout_ms, &g->failure)) {
		g->reach.target = *t;
		return false;
	}
	g->failure = (struct failure){ 0 };
	if (capability == NULL || g->reach.target.port != PROTOCOL_AGENT_PORT ||
		t->port != PROTOCOL_AGENT_PORT)
		return true;
	return guest_refused(g,
		"the guest's agent is older than mvm 0.14 and has no requests about files; "
		"`mvm-probe exec` runs commands there");
}

int guest_files_end(struct guest_files *g)
{
	if (g->failure.kind == FAILURE_NONE)
		return EXIT_HEALTHY;
	output_error(&g->reach.target, &g->failure);
	return (int)failure_exit(g->failure.kind);
}

bool guest_ask(struct guest_files *g, enum message_kind request, const void *body,
	enum message_kind want, struct answer *a)
{
	char *text = output_request(request, body);
	struct exchange x;
	struct problem p;
	bool is_good;

	*a = (struct answer){ .kind = MESSAGE_KINDS };
	reach_prepare(&g->reach, &x, NULL, text);
	is_good = reach_run(&x);
	free(text);
	if (!is_good) {
		failure_set(&g->failure, x.failure.kind, "%s", x.failure.text);
	} else if (answer_decode(x.body, x.body_len, a, &p) != 0) {
		failure_set(&g->failure, FAILURE_UNDECODABLE, "%s", p.text);
		is_good = false;
	} else if (a->kind == ANSWER_ERROR) {
		is_good = guest_refused(g, a->body.error.message);
	} else if (a->kind != want) {
		is_good = guest_refused(g, "its profile does not serve this");
	}
	exchange_free(&x);
	return is_good;
}

bool guest_ask_fs(struct guest_files *g, enum message_kind request, const void *body,
	enum fs_result_kind want, struct answer *a)
{
	if (!guest_ask(g, request, body, ANSWER_FS_RESULT, a))
		return false;
	if (a->body.fs.kind == want)
		return true;
	if (a->body.fs.kind != FS_RESULT_ERROR)
		return guest_refused(g, "the guest answered with something else");
	g->error = a->body.fs.as.error.kind;
	return guest_refused(g, a->body.fs.as.error.message);
}

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

		is_good = guest_ask_fs(g, REQUEST_FS_READ, &r, FS_RESULT_READ, &a);
		if (is_good) {
			const struct field_bytes *page = &a.body.fs.as.read.content;

			r.offset += page->len;
			is_end = page->len < GUEST_PAGE_MAX;
			is_good = take(arg, page->data, page->len);
		}
		answer_free(&a);
	}
	return is_good;
}
