/* SPDX-License-Identifier: MIT */
#include "supervisor/log_ring.h"

#include "base/file.h"
#include "supervisor/log_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct log_ring *ring;
static int ends[2];

static void set_up(void)
{
	ring = calloc(1, sizeof(*ring));
	cr_assert(ring != NULL && pipe2(ends, O_NONBLOCK) == 0);
}

static void tear_down(void)
{
	free(ring);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(log_ring, .init = set_up, .fini = tear_down);

static void feed(const char *text, size_t len)
{
	cr_assert(write(ends[1], text, len) == (ssize_t)len);
	while (log_ring_read(ring, ends[0]) > 0)
		;
}

/* The next line as a string; "" when there is none. */
static const char *line(size_t max, bool flush)
{
	static char text[LOG_RING_BYTES + 1];
	size_t len;
	bool whole;

	if (!log_ring_next_line(ring, max, flush, &len, &whole))
		return "";
	log_ring_copy(ring, ring->shown, text, len);
	text[len] = '\0';
	ring->shown += len + whole;
	return text;
}

Test(log_ring, lines_come_whole_and_in_order)
{
	feed("one\ntw", 6);
	cr_expect_str_eq(line(100, false), "one");
	cr_expect_str_eq(line(100, false), "");
	feed("o\n\nthree", 8);
	cr_expect_str_eq(line(100, false), "two");
	cr_expect_eq(ring->shown, 8);
	cr_expect_str_eq(line(100, false), "", "an empty line");
	cr_expect_eq(ring->shown, 9);
	cr_expect_str_eq(line(100, true), "three");
}

Test(log_ring, long_lines_are_broken)
{
	feed("abcdefgh\n", 9);
	cr_expect_str_eq(line(5, false), "abcde");
	cr_expect_str_eq(line(5, false), "fgh");
}

Test(log_ring, end_and_error_of_the_pipe)
{
	cr_expect_eq(log_ring_read(ring, ends[0]), -EAGAIN);
	close(ends[1]);
	ends[1] = dup(ends[0]);
	cr_expect_eq(log_ring_read(ring, ends[0]), 0);
}

Test(log_ring, goes_round_many_times)
{
	char text[64];

	for (int i = 0; i < 20000; i++) {
		int len = snprintf(text, sizeof(text), "line number %d\n", i);

		feed(text, (size_t)len);
		text[len - 1] = '\0';
		cr_assert_str_eq(line(500, false), text);
	}
	cr_expect_eq(ring->dropped, 0);
	cr_expect_gt(ring->head, 3 * LOG_RING_BYTES);
}

Test(log_ring, what_was_overwritten_is_counted_and_no_half_line_shown)
{
	char text[64];

	for (int i = 0; i < 10000; i++) {
		int len = snprintf(text, sizeof(text), "line number %05d\n", i);

		feed(text, (size_t)len);
	}
	const char *first = line(500, false);
	cr_expect_eq(strncmp(first, "line number ", 12), 0, "%s", first);
	cr_expect_eq(ring->dropped, 1);
	cr_expect_geq(atoi(first + 12), 10000 - (int)(LOG_RING_KEPT / 18) - 1);
}

/* A read clears the space of a whole chunk, even if fewer bytes come, or none. */
Test(log_ring, all_that_is_there_can_be_read)
{
	static char text[LOG_RING_BYTES];
	uint64_t at, end;

	for (int i = 0; i < 5000; i++) {
		int len = snprintf(text, sizeof(text), "line number %05d\n", i);

		feed(text, (size_t)len);
	}
	at = log_ring_oldest(ring);
	end = ring->head;
	cr_expect_eq(end - at, LOG_RING_KEPT);
	cr_expect(log_ring_has(ring, at) && !log_ring_has(ring, at - 1));
	cr_expect(log_ring_has(ring, end) && !log_ring_has(ring, end + 1));
	log_ring_copy(ring, at, text, (size_t)(end - at));
	cr_expect_null(memchr(text, '\0', (size_t)(end - at)));
	at = log_ring_last_lines(ring, 3400);
	log_ring_copy(ring, at, text, 18);
	cr_expect_eq(strncmp(text, "line number 01600\n", 18), 0, "%.18s", text);
}

/* Times are kept sparsely, so that they last as long as the bytes. */
Test(log_ring, when_bytes_came)
{
	uint64_t until, first, at;

	cr_expect_eq(log_ring_time(ring, 0, &until), 0);
	cr_expect_eq(until, UINT64_MAX);
	feed("one\n", 4);
	first = log_ring_time(ring, 0, &until);
	cr_expect_gt(first, 1600000000000);
	cr_expect_eq(until, UINT64_MAX);
	feed("two\n", 4);
	cr_expect_eq(ring->marked, 1, "in the same moment");
	ring->marks[0].unix_ms -= 2 * LOG_MARK_LAST_MS;
	feed("three\n", 6);
	cr_expect_eq(ring->marked, 2);
	cr_expect_lt(log_ring_time(ring, 7, &until), log_ring_time(ring, 8, &at));
	cr_expect_eq(until, 8);
	cr_expect_eq(at, UINT64_MAX);
	for (int i = 0; i < 2 * LOG_RING_MARKS; i++) {
		ring->marks[(ring->marked - 1) % LOG_RING_MARKS].unix_ms -= LOG_MARK_FIRST_MS;
		feed("a short line\n", 13);
	}
	cr_expect_lt(ring->marked, 2 * LOG_RING_MARKS / (LOG_MARK_LAST_MS / LOG_MARK_FIRST_MS) + 4);
	for (int i = 0; i < 2 * LOG_RING_MARKS; i++) {
		ring->marks[(ring->marked - 1) % LOG_RING_MARKS].unix_ms -= LOG_MARK_LAST_MS;
		feed("rare\n", 5);
	}
	cr_expect_eq(log_ring_time(ring, 0, &until), 0, "no longer kept");
	cr_expect_eq(until, ring->marks[ring->marked % LOG_RING_MARKS].at);
	ring->marked = UINT64_MAX; /* a hostile collector cannot lead anybody out of the array */
	log_ring_time(ring, 0, &until);
}

Test(log_ring, last_lines)
{
	char text[LOG_RING_BYTES];
	uint64_t at;

	feed("a\nb\nc\n", 6);
	at = log_ring_last_lines(ring, 2);
	log_ring_copy(ring, at, text, (size_t)(ring->head - at));
	cr_expect_eq(strncmp(text, "b\nc\n", 4), 0);
	cr_expect_eq(log_ring_last_lines(ring, 0), 0);
	cr_expect_eq(log_ring_last_lines(ring, 99), 0);
	feed("d", 1);
	at = log_ring_last_lines(ring, 1);
	cr_expect_eq(at, 6, "a line without its end is one");
}

/* A collector was killed right after its read, before it counted the bytes. */
Test(log_ring, recovers_what_the_last_read_brought)
{
	feed("before\n", 7);
	memset(ring->bytes + 7, 0, LOG_RING_CHUNK);
	ring->reading_at = 7;
	ring->reading = LOG_RING_CHUNK;
	memcpy(ring->bytes + 7, "lost?\n", 6);
	log_ring_recover(ring);
	cr_expect_eq(ring->head, 13);
	cr_expect_str_eq(line(100, false), "before");
	cr_expect_str_eq(line(100, false), "lost?");
}

/* Killed before the read, or after the bytes were counted: none counts twice. */
Test(log_ring, recovers_nothing_that_is_not_there)
{
	feed("before\n", 7);
	memset(ring->bytes + 7, 0, LOG_RING_CHUNK);
	ring->reading_at = 7;
	ring->reading = LOG_RING_CHUNK;
	log_ring_recover(ring);
	cr_expect_eq(ring->head, 7);
	cr_expect_eq(ring->reading, 0);
	memcpy(ring->bytes + 7, "old old", 7);
	ring->reading_at = 0;
	ring->reading = LOG_RING_CHUNK;
	log_ring_recover(ring);
	cr_expect_eq(ring->head, 7, "the mark belongs to an earlier read");
	ring->reading_at = 7;
	ring->reading = UINT64_MAX;
	log_ring_recover(ring);
	cr_expect_eq(ring->head, 7, "an impossible mark");
}

/* Killed during a write to a log file: bytes in the file are not written again. */
Test(log_ring, recovers_what_the_last_write_brought)
{
	feed("one\ntwo\n", 8);
	log_ring_begin_write(ring, 8, 100);
	log_ring_recover_write(ring, 100);
	cr_expect_eq(ring->shown, 0, "nothing of it was written");
	cr_expect_eq(ring->writing, 0);
	log_ring_begin_write(ring, 8, 100);
	log_ring_recover_write(ring, 105);
	cr_expect_eq(ring->shown, 5, "a part of it");
	log_ring_begin_write(ring, 3, 105);
	log_ring_recover_write(ring, 999);
	cr_expect_eq(ring->shown, 8, "all of it, and somebody else's");
}

/* Killed after everything was counted. */
Test(log_ring, recovers_no_write_twice)
{
	feed("one\n", 4);
	log_ring_begin_write(ring, 4, 0);
	log_ring_end_write(ring, 4);
	cr_expect_eq(ring->writing, 0);
	ring->writing = 4;
	log_ring_recover_write(ring, 4);
	cr_expect_eq(ring->shown, 4);
}

/* Whatever marks a collector leaves, its successor finishes. */
Test(log_ring, mark_ahead_of_the_head)
{
	feed("one\ntwo\n", 8);
	for (uint64_t i = 1; i <= 2; i++) {
		ring->shown = i == 1 ? 9 : UINT64_MAX - 5;
		cr_expect_str_eq(line(100, true), "two", "the first may have lost its beginning");
		cr_expect_eq(ring->dropped, i);
		cr_expect_str_eq(line(100, true), "");
		cr_expect_eq(ring->shown, 8);
	}
}

/* Append the ring to a file with `before` in it, as a new collector does; returns what it has. */
static const char *append_bytes_to(const char *before, size_t len, uint64_t max_size)
{
	static char text[64];
	struct collector_message m = { .log_max_size = max_size,
		.log_file = "/tmp/mvm-log-ring-XXXXXX" };
	struct log_file file;
	int fd = mkstemp(m.log_file);

	cr_assert_eq(write(fd, before, len), (ssize_t)len);
	close(fd);
	log_file_init(&file, &m);
	log_file_append(&file, "web", ring);
	log_file_close(&file);
	cr_expect_eq(file_read(m.log_file, text, sizeof(text), NULL), 0);
	unlink(m.log_file);
	return text;
}

static const char *append_to(const char *before, uint64_t max_size)
{
	return append_bytes_to(before, strlen(before), max_size);
}

Test(log_ring, file_of_a_ring_with_its_mark_ahead_of_the_head, .timeout = 60)
{
	feed("one\ntwo\n", 8);
	ring->shown = UINT64_MAX - 5;
	cr_expect_str_eq(append_to("", 0), "one\ntwo\n");
	cr_expect_eq(ring->shown, 8);
}

Test(log_ring, file_whose_last_line_a_power_failure_has_cut, .timeout = 60)
{
	feed("one\n", 4);
	cr_expect_str_eq(append_to("line 1\nli", 0), "line 1\nli\none\n");
	feed("two\n", 4);
	cr_expect_str_eq(append_to("line 1\n", 0), "line 1\ntwo\n");
}

Test(log_ring, file_whose_last_bytes_a_power_failure_has_left_as_zeros, .timeout = 60)
{
	char before[2000] = "line 1\nlin";

	feed("one\n", 4);
	cr_expect_str_eq(append_bytes_to(before, sizeof(before), 0), "line 1\nlin\none\n");
	ring->shown = 0;
	cr_expect_str_eq(append_bytes_to("\0\0\0", 3, 0), "one\n");
	cr_expect_str_eq(append_bytes_to("one\n\0\0", 6, 0), "one\n", "the service's own zeros");
}

Test(log_ring, file_in_the_middle_of_a_line_that_goes_on, .timeout = 60)
{
	feed("begin", 5);
	cr_expect_str_eq(append_to("", 0), "begin");
	feed(" end\n", 5);
	cr_expect_str_eq(append_to("begin", 0), "begin end\n");
}

/* There is no FILE.1, so the file would be lost. */
Test(log_ring, file_that_is_full_in_the_middle_of_a_line, .timeout = 60)
{
	feed("begin", 5);
	cr_expect_str_eq(append_to("", 5), "begin");
	feed(" end\ntwo\n", 9);
	cr_expect_str_eq(append_to("begin", 5), "two\n", "begun with a whole line");
}
