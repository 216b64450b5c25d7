/* SPDX-License-Identifier: MIT */
#include "base/relay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop loop;
static struct relay relay;
static int outside[2]; /* our ends: bytes written to outside[0] come out of outside[1] */
static int overs, vanished[2];

static void over(struct relay *r)
{
	(void)r;
	overs++;
}

static void vanish(struct relay *r, int end)
{
	(void)r;
	vanished[end]++;
}

static void start(void)
{
	int inside[2];

	cr_assert_eq(loop_init(&loop), 0);
	for (int i = 0; i < 2; i++) {
		int fds[2];

		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		outside[i] = fds[0];
		inside[i] = fds[1];
	}
	relay = (struct relay){ .over = over, .vanished = vanish };
	cr_assert_eq(relay_start(&relay, &loop, inside[0], inside[1]), 0);
}

static void stop(void)
{
	relay_close(&relay);
	relay_close(&relay);
	loop_close(&loop);
}

TestSuite(relay, .init = start, .fini = stop, .timeout = 30);

/* Run the loop until there are bytes to read, or end of file. */
static ssize_t read_from(int fd, char *bytes, size_t size)
{
	ssize_t n;

	while ((n = read(fd, bytes, size)) < 0 && errno == EAGAIN)
		cr_assert_eq(loop_run_once(&loop), 0);
	return n;
}

static void expect_text(int fd, const char *text)
{
	char bytes[64];
	ssize_t n = read_from(fd, bytes, sizeof(bytes) - 1);

	cr_assert_eq(n, (ssize_t)strlen(text));
	bytes[n] = '\0';
	cr_expect_str_eq(bytes, text);
}

static void say(int end, const char *text)
{
	cr_assert_eq(write(outside[end], text, strlen(text)), (ssize_t)strlen(text));
}

Test(relay, both_ways)
{
	say(0, "hello");
	expect_text(outside[1], "hello");
	say(1, "you");
	expect_text(outside[0], "you");
}

Test(relay, half_a_close_leaves_the_other_direction)
{
	char byte;

	say(0, "last");
	shutdown(outside[0], SHUT_WR);
	expect_text(outside[1], "last");
	cr_expect_eq(read_from(outside[1], &byte, 1), 0);
	say(1, "answer");
	expect_text(outside[0], "answer");
	cr_expect_eq(overs, 0);
	shutdown(outside[1], SHUT_WR);
	cr_expect_eq(read_from(outside[0], &byte, 1), 0);
	cr_expect_eq(overs, 1);
}

/* Everything arrives, in order, from a side that is much faster than the other. */
Test(relay, a_slow_reader)
{
	enum { TOTAL = 4 << 20 };
	char *all = malloc(TOTAL), *got = malloc(TOTAL);
	size_t sent = 0, received = 0;

	for (size_t i = 0; i < TOTAL; i++)
		all[i] = (char)(i * 2654435761u >> 13);
	while (received < TOTAL) {
		ssize_t n;

		while (sent < TOTAL && (n = write(outside[0], all + sent, TOTAL - sent)) > 0)
			sent += (size_t)n;
		n = read_from(outside[1], got + received, 1000);
		cr_assert_gt(n, 0);
		received += (size_t)n;
	}
	cr_expect_arr_eq(got, all, TOTAL);
	free(all);
	free(got);
}

/* An end that closes both directions ends both, and is reported once, even when nothing is read. */
Test(relay, a_close_ends_it)
{
	say(0, "rest");
	relay_hold(&relay, 0, true);
	close(outside[1]);
	while (overs == 0) {
		cr_assert_eq(loop_run_once(&loop), 0);
		relay_hold(&relay, 0, false);
	}
	cr_expect_eq(vanished[1], 1);
}

Test(relay, what_is_held_comes_later)
{
	char byte;

	relay_hold(&relay, 0, true);
	say(0, "kept");
	say(1, "x");
	expect_text(outside[0], "x");
	cr_expect_eq(read(outside[1], &byte, 1), -1);
	cr_expect_eq(errno, EAGAIN);
	relay_hold(&relay, 0, false);
	expect_text(outside[1], "kept");
}

/* A hang-up is noticed while bytes of that peer still wait; the loop does not spin. */
Test(relay, a_hang_up_behind_a_backlog)
{
	static char bytes[65536];
	int rounds = 0;

	while (write(outside[0], bytes, sizeof(bytes)) > 0)
		;
	while (relay_is_drained(&relay, 0))
		cr_assert_eq(loop_run_once(&loop), 0);
	close(outside[0]);
	for (; vanished[0] == 0 && rounds < 100; rounds++)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_eq(vanished[0], 1);
}

Test(relay, an_injection_goes_first)
{
	cr_expect_eq(relay_inject(&relay, 0, "before ", 7), 0);
	expect_text(outside[1], "before ");
	say(0, "after");
	expect_text(outside[1], "after");
}
