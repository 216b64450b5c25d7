/* SPDX-License-Identifier: MIT */
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct frame_reader r;

static void start(void)
{
	frame_reader_init(&r);
}

static void stop(void)
{
	frame_reader_free(&r);
}

TestSuite(agent_frame, .init = start, .fini = stop);

/* Give the reader `len` bytes, at most `piece` at a time, until a frame (or an error) is there. */
static size_t feed(const char *bytes, size_t len, size_t piece)
{
	size_t done = 0, room, ignored;
	const char *body;

	while (done < len && frame_next(&r, &body, &ignored) == 0) {
		char *at = frame_room(&r, &room);
		size_t n = len - done < piece ? len - done : piece;

		cr_assert_not_null(at);
		cr_assert_geq(room, 1);
		n = n < room ? n : room;
		memcpy(at, bytes + done, n);
		frame_filled(&r, n);
		done += n;
	}
	return done;
}

static void expect_frame(const char *want, size_t want_len)
{
	const char *body;
	size_t len;

	cr_assert_eq(frame_next(&r, &body, &len), 1);
	cr_assert_eq(len, want_len);
	cr_assert_arr_eq(body, want, len);
	frame_consume(&r);
}

Test(agent_frame, a_frame_in_any_pieces)
{
	for (size_t piece = 1; piece <= 10; piece++) {
		cr_assert_not(frame_begun(&r));
		cr_assert_eq(feed("\0\0\0\6\"Ping\"", 10, piece), 10);
		cr_assert(frame_begun(&r));
		expect_frame("\"Ping\"", 6);
	}
}

Test(agent_frame, a_frame_is_not_there_before_its_last_byte)
{
	static const char bytes[] = "\0\0\0\6\"Ping\"";
	const char *body;
	size_t len;

	for (size_t n = 0; n < 10; n++) {
		cr_assert_eq(frame_next(&r, &body, &len), 0, "after %zu bytes", n);
		feed(bytes + n, 1, 1);
	}
	cr_assert_eq(frame_next(&r, &body, &len), 1);
}

Test(agent_frame, frames_that_arrive_together_come_out_in_order)
{
	static const char bytes[] = "\0\0\0\1a\0\0\0\0\0\0\0\3bcd\0\0";
	const char *body;
	size_t len;

	cr_assert_eq(feed(bytes, 18, 100), 18);
	expect_frame("a", 1);
	expect_frame("", 0);
	expect_frame("bcd", 3);
	cr_assert_eq(frame_next(&r, &body, &len), 0);
	cr_assert(frame_begun(&r));
	cr_assert_eq(feed("\0\1x", 3, 100), 3);
	expect_frame("x", 1);
	cr_assert_not(frame_begun(&r));
}

Test(agent_frame, the_longest_frame_and_the_next_one)
{
	size_t len = PROTOCOL_HEADER_BYTES + PROTOCOL_BODY_MAX;
	char *bytes = malloc(len);

	cr_assert_not_null(bytes);
	memset(bytes, 'x', len);
	protocol_header_encode(PROTOCOL_BODY_MAX, (unsigned char *)bytes);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(feed(bytes, len, 65536), len);
		expect_frame(bytes + PROTOCOL_HEADER_BYTES, PROTOCOL_BODY_MAX);
		cr_assert_eq(r.data, r.small, "the memory is given back");
	}
	cr_assert_eq(feed("\0\0\0\1z", 5, 1), 5);
	expect_frame("z", 1);
	free(bytes);
}

Test(agent_frame, a_longer_frame_is_an_error_as_soon_as_its_header_is_there)
{
	const char *body;
	size_t len = 0, room;

	feed("\0\4\0", 3, 3);
	cr_assert_eq(frame_next(&r, &body, &len), 0);
	feed("\1", 1, 1);
	cr_assert_eq(frame_next(&r, &body, &len), -EMSGSIZE);
	cr_assert_eq(len, 262145);
	cr_assert_null(frame_room(&r, &room));
	stop();
	feed("\xff\xff\xff\xff", 4, 4);
	cr_assert_eq(frame_next(&r, &body, &len), -EMSGSIZE);
	cr_assert_eq(len, 0xffffffff);
}

Test(agent_frame, memory_grows_with_what_arrives_and_not_with_the_header)
{
	char bytes[1000] = "\0\4\0"; /* promises 262144 bytes */

	feed(bytes, sizeof(bytes), sizeof(bytes));
	cr_assert_leq(r.size, 4096);
}

Test(agent_frame, a_new_reader_takes_no_large_requests_whatever_was_there_before)
{
	struct frame_reader other;

	memset(&other, 0xff, sizeof(other));
	frame_reader_init(&other);
	cr_assert_not(other.takes_large);
	cr_assert_eq(other.len, 0);
	frame_reader_free(&other);
}
