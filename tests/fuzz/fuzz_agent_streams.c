/* SPDX-License-Identifier: MIT */
/*
 * What the agent takes apart while something runs: records of an entrypoint's control descriptor,
 * in pieces of any size, and PID 1's list of changed files. What it makes of them is a message that
 * a host can decode, and fits a frame.
 */
#include "agent/requests/control_record.h"
#include "agent/requests/fs_diff.h"
#include "agent/requests/init_answer.h"
#include "protocol/frame.h"
#include "protocol/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_agent_streams: %s\n", what);
	abort();
}

static void require_answer(const struct buf *b, enum message_kind kind, enum message_kind other)
{
	struct answer a;
	struct problem p;

	require(!b->cut && b->len <= PROTOCOL_BODY_MAX, "an answer that fits no frame");
	require(answer_decode(b->data, b->len, &a, &p) == 0, "an answer that cannot be decoded");
	require(a.kind == kind || a.kind == other, "another answer");
	answer_free(&a);
}

/* Returns how many records there were, before one that is wrong or the end. */
static size_t feed(const char *data, size_t size, size_t piece, char *out)
{
	struct control_records r = { 0 };
	size_t count = 0;
	int got = 0;

	for (size_t at = 0; at < size && got >= 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		struct entrypoint_event event = { .kind = ENTRYPOINT_CONTROL };
		char *header = NULL;

		require(control_records_add(&r, data + at, n) == 0, "no memory");
		while ((got = control_records_take(&r, &event.as.control, &header)) == 1) {
			struct buf b;

			buf_init(&b, out, PROTOCOL_BODY_MAX + 1);
			message_encode(&b, ANSWER_ENTRYPOINT_EVENT, &event);
			require_answer(&b, ANSWER_ENTRYPOINT_EVENT, ANSWER_ENTRYPOINT_EVENT);
			free(header);
			count++;
		}
	}
	control_records_free(&r);
	return count;
}

static void check_list(const char *data, size_t size, char *out)
{
	struct init_answer a = { .text = "", .log = data, .log_len = size, .lost = 1 };
	struct buf b;

	buf_init(&b, out, PROTOCOL_BODY_MAX + 1);
	fs_diff_write(&b, &a);
	require_answer(&b, ANSWER_FS_DIFF, ANSWER_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own size, so that a byte behind it is a byte too far. */
	char *exact = malloc(size > 0 ? size : 1), *out = malloc(PROTOCOL_BODY_MAX + 1);

	require(exact != NULL && out != NULL, "no memory");
	if (size > 0) {
		memcpy(exact, data, size);
		require(feed(exact, size, size, out) == feed(exact, size, data[0] % 7 + 1U, out),
			"records that depend on their pieces");
	}
	check_list(exact, size, out);
	free(exact);
	free(out);
	return 0;
}
