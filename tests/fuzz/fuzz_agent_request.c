/* SPDX-License-Identifier: MIT */
/*
 * Frames and requests: the input is what a client sends on one connection. Its first byte says in
 * what pieces it arrives, which must make no difference.
 */
#include "protocol/frame.h"
#include "protocol/messages.h"
#include "protocol/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_agent_request: %s\n", what);
	abort();
}

/* An error's text goes into a JSON string, and a reader of that must be able to decode it. */
static void check_error(const struct problem *p)
{
	char clean[1024], out[8192];
	struct buf text = BUF_OVER(clean), b = BUF_OVER(out);
	json_t *decoded;

	buf_clear(&text);
	buf_clear(&b);
	require(p->text[0] != '\0', "an error without words");
	utf8_put_lossy(&text, p->text, strlen(p->text));
	json_put_string(&b, text.data, text.len);
	require(!b.cut, "an error that is too long");
	decoded = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
	require(decoded != NULL, "an error that is no JSON string");
	require(strcmp(json_string_value(decoded), text.data) == 0, "an error that changes");
	json_decref(decoded);
}

union any_body {
	union request_body request;
	union answer_body answer;
	union host_answer_body host_answer;
	struct host_instance instance;
};

/* What is decoded, in any direction, is written as something that is decoded as the same kind. */
static void check_message(enum message_direction d, const char *body, size_t len)
{
	static char out[1 << 18];
	struct buf b = BUF_OVER(out);
	union any_body first = { 0 }, second = { 0 };
	enum message_kind kind, again = MESSAGE_KINDS;
	struct problem p;

	if (message_decode(d, body, len, &kind, &first, &p) == 0) {
		buf_clear(&b);
		message_encode(&b, kind, &first);
		require(!b.cut, "a message that grows");
		require(message_decode(d, b.data, b.len, &again, &second, &p) == 0,
			"a message that cannot be read back");
		require(again == kind, "a message that becomes another");
	}
	message_free(kind, &first);
	message_free(again, &second);
}

static void check_request(const char *body, size_t len)
{
	/* Of its own size, so that a byte behind it is a byte too far. */
	char *exact = malloc(len > 0 ? len : 1);
	struct problem p = { 0 };
	struct request r;
	int err;

	require(exact != NULL, "no memory");
	memcpy(exact, body, len);
	for (enum message_direction d = 0; d < MESSAGE_DIRECTIONS; d++)
		check_message(d, exact, len);
	err = request_decode(exact, len, &r, &p);
	if (err != 0) {
		check_error(&p);
	} else {
		json_t *strict = json_loadb(exact, len,
			JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

		require(strict != NULL, "accepted, but no JSON");
		json_decref(strict);
	}
	request_free(&r);
	free(exact);
}

/* Take all frames that are there. False after an error, which ends a connection. */
static bool take_frames(struct frame_reader *r, size_t *count)
{
	const char *body;
	size_t len;
	int got;

	while ((got = frame_next(r, &body, &len)) == 1) {
		require(len <= PROTOCOL_BODY_MAX, "a frame that is too long");
		check_request(body, len);
		frame_consume(r);
		(*count)++;
	}
	return got == 0;
}

/* Feed all of it in pieces of `piece` bytes. Returns how many frames there were. */
static size_t feed(const uint8_t *data, size_t size, size_t piece)
{
	struct frame_reader r;
	size_t count = 0;

	frame_reader_init(&r);
	while (take_frames(&r, &count) && size > 0) {
		size_t room, n = size < piece ? size : piece;
		char *at = frame_room(&r, &room);

		require(at != NULL && room > 0, "no room for more");
		n = n < room ? n : room;
		memcpy(at, data, n);
		frame_filled(&r, n);
		data += n;
		size -= n;
		require(r.size <= 4096 || r.size <= 2 * r.len, "more memory than what arrived");
	}
	frame_reader_free(&r);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count;

	if (size == 0)
		return 0;
	/* The bytes as one request, and as frames. */
	check_request((const char *)data + 1, size - 1);
	count = feed(data + 1, size - 1, (size_t)data[0] + 1);
	require(feed(data + 1, size - 1, size) == count, "frames that depend on their pieces");
	return 0;
}
