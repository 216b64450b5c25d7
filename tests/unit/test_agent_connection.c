/* SPDX-License-Identifier: MIT */
/* The connection layer over socket pairs. The test is the client; rig_until() runs the server. */
#include "agent_rig.h"

#include "agent/wire/connection.h"
#include "base/clock.h"
#include "protocol/frame.h"
#include "protocol/json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server server;

/* ---- a server that echoes -------------------------------------------------------------------- */

static struct connection *held; /* a request "hold" waits for its reply */
static int gone_calls;
static size_t requests;

static void write_text(struct buf *b, const void *arg)
{
	json_put_text(b, arg);
}

/* Fifty thousand times "0123456789"... cut to what the request asks for. */
static void write_digits(struct buf *b, const void *arg)
{
	size_t count = *(const size_t *)arg;

	for (size_t i = 0; i < count; i++)
		buf_put(b, &"0123456789"[i % 10], 1);
}

static void peer_is_gone(struct connection *c)
{
	cr_assert_eq(c, held);
	held = NULL;
	gone_calls++;
}

static void request(struct connection *c, const char *body, size_t len)
{
	char text[64];

	requests++;
	snprintf(text, sizeof(text), "%.*s", (int)len, body);
	if (strcmp(text, "hold") == 0) {
		held = c;
		c->gone = peer_is_gone;
	} else if (strcmp(text, "bad") == 0) {
		connection_error(c, "bad \xff request", true);
	} else if (strncmp(text, "digits ", 7) == 0) {
		size_t count = strtoul(text + 7, NULL, 10);

		connection_reply(c, write_digits, &count);
	} else {
		connection_reply(c, write_text, text);
	}
}

static void start(void)
{
	rig_start();
	server_init(&server, &rig.loop, request, NULL);
	held = NULL;
	gone_calls = 0;
	requests = 0;
}

static void stop(void)
{
	server_close(&server);
	cr_expect_eq(server.count, 0);
	cr_expect_null(rig.loop.timers, "a timer is left over");
	rig_stop();
}

TestSuite(agent_connection, .init = start, .fini = stop, .timeout = 60);

static int connect_client(void)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(server_add(&server, fds[0]), 0);
	return fds[1];
}

static void send_text(int fd, const char *text)
{
	char frame[256];

	rig_send(fd, frame, rig_frame(text, frame));
}

static void expect_reply(int fd, const char *want)
{
	char *reply = rig_receive(fd);

	cr_assert_not_null(reply, "no reply, but '%s' is expected", want);
	cr_assert_str_eq(reply, want);
	free(reply);
}

static bool all_closed(const void *arg)
{
	(void)arg;
	return server.count == 0;
}

/* ---- requests and replies -------------------------------------------------------------------- */

Test(agent_connection, several_requests_one_after_the_other)
{
	int fd = connect_client();

	for (int i = 0; i < 3; i++) {
		send_text(fd, "a");
		expect_reply(fd, "\"a\"");
	}
	close(fd);
	rig_until(all_closed, NULL);
}

Test(agent_connection, nothing_is_written_before_a_request)
{
	int silent = connect_client(), other = connect_client();
	char byte;

	send_text(other, "a");
	expect_reply(other, "\"a\"");
	cr_expect_eq(recv(silent, &byte, 1, MSG_DONTWAIT), -1);
	cr_expect_eq(errno, EAGAIN);
	close(silent);
	close(other);
}

Test(agent_connection, byte_by_byte)
{
	int slow = connect_client(), fast = connect_client();
	char frame[64];
	size_t len = rig_frame("slow", frame);

	for (size_t i = 0; i < len; i++) {
		rig_send(slow, frame + i, 1);
		send_text(fast, "fast");
		expect_reply(fast, "\"fast\"");
	}
	expect_reply(slow, "\"slow\"");
	close(slow);
	close(fast);
}

/* More than one turn takes, and all answered in order. */
Test(agent_connection, pipelined_requests)
{
	int fd = connect_client();
	char frames[64 * 100];
	size_t len = 0;

	for (int i = 0; i < 100; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		len += rig_frame(text, frames + len);
	}
	rig_send(fd, frames, len);
	for (int i = 0; i < 100; i++) {
		char want[16];

		snprintf(want, sizeof(want), "\"%d\"", i);
		expect_reply(fd, want);
	}
	close(fd);
}

Test(agent_connection, a_pipelining_client_does_not_keep_others_waiting)
{
	int greedy = connect_client(), other = connect_client();
	char frames[8 * 1000];
	size_t len = 0;

	for (int i = 0; i < 1000; i++)
		len += rig_frame("x", frames + len);
	rig_send(greedy, frames, len);
	send_text(other, "other");
	expect_reply(other, "\"other\"");
	cr_expect_lt(requests, 200, "%zu requests were taken before", requests);
	close(greedy);
	close(other);
}

/* A client that has shut down its writing side still wants its answers. */
Test(agent_connection, a_half_closed_client_is_answered)
{
	int fd = connect_client();

	send_text(fd, "a");
	send_text(fd, "b");
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	expect_reply(fd, "\"a\"");
	expect_reply(fd, "\"b\"");
	cr_expect_eq(rig_drain(fd), 0);
	rig_until(all_closed, NULL);
	close(fd);
}

Test(agent_connection, a_truncated_request_ends_silently)
{
	int fd = connect_client();

	rig_send(fd, "\0\0\0\6\"Pi", 7);
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_expect_eq(rig_drain(fd), 0);
	rig_until(all_closed, NULL);
	cr_expect_eq(requests, 0);
	close(fd);
}

Test(agent_connection, an_oversize_request_is_told_so_and_closed)
{
	int fd = connect_client();

	rig_send(fd, "\0\4\0\1abc", 7);
	expect_reply(fd, "{\"Error\":{\"message\":\"a frame of 262145 bytes is too long; the "
			 "limit is 262144\"}}");
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
	rig_until(all_closed, NULL);
	cr_expect_eq(requests, 0);
}

Test(agent_connection, the_longest_request_is_taken)
{
	int fd = connect_client();
	size_t len = PROTOCOL_HEADER_BYTES + PROTOCOL_BODY_MAX, done = 0;
	char *frame = calloc(1, len);

	protocol_header_encode(PROTOCOL_BODY_MAX, (unsigned char *)frame);
	memcpy(frame + PROTOCOL_HEADER_BYTES, "digits 3", 8);
	while (done < len) {
		ssize_t n = send(fd, frame + done, len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	}
	expect_reply(fd, "012");
	free(frame);
	close(fd);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static bool lingers(const void *arg)
{
	(void)arg;
	return server.oldest != NULL && server.oldest->state == CONNECTION_LINGERING;
}

Test(agent_connection, an_error_is_sent_whole_and_then_the_connection_ends)
{
	int fd = connect_client();

	send_text(fd, "bad");
	send_text(fd, "ignored");
	rig_until(lingers, NULL);
	expect_reply(fd, "{\"Error\":{\"message\":\"bad \xef\xbf\xbd request\"}}");
	cr_expect_eq(rig_drain(fd), 0);
	send_text(fd, "ignored, too");
	close(fd);
	rig_until(all_closed, NULL);
	cr_expect_eq(requests, 1);
}

Test(agent_connection, a_client_that_vanishes_is_routine)
{
	for (int i = 0; i < 20; i++) {
		int fd = connect_client();

		send_text(fd, i % 2 == 0 ? "digits 200000" : "a");
		close(fd);
	}
	rig_until(all_closed, NULL);
}

/* ---- long replies ---------------------------------------------------------------------------- */

static void expect_digits(int fd, size_t count)
{
	char *reply = rig_receive(fd);

	cr_assert_not_null(reply);
	cr_assert_eq(strlen(reply), count);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(reply[i], "0123456789"[i % 10]);
	free(reply);
}

Test(agent_connection, replies_of_every_size)
{
	static const size_t sizes[] = { 1, 2043, 2044, 100000, PROTOCOL_BODY_MAX };
	int fd = connect_client();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char text[32];

		snprintf(text, sizeof(text), "digits %zu", sizes[i]);
		send_text(fd, text);
		expect_digits(fd, sizes[i]);
	}
	send_text(fd, "digits 262145");
	expect_reply(fd, "{\"Error\":{\"message\":\"the reply is too long for a frame\"}}");
	send_text(fd, "a");
	expect_reply(fd, "\"a\"");
	close(fd);
}

static bool writes(const void *arg)
{
	return ((const struct connection *)arg)->state == CONNECTION_WRITING;
}

Test(agent_connection, a_slow_reader_delays_nobody)
{
	int slow = connect_client(), other = connect_client(), small = 4096;
	struct connection *c = server.oldest;

	cr_assert_eq(setsockopt(c->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	send_text(slow, "digits 262144");
	send_text(slow, "later");
	rig_until(writes, c);
	send_text(other, "a");
	expect_reply(other, "\"a\"");
	expect_digits(slow, 262144);
	expect_reply(slow, "\"later\"");
	close(slow);
	close(other);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* The limits are short, so that they pass; which of them passes is told by what comes before. */
Test(agent_connection, a_silent_client_is_dropped)
{
	int fd;

	server.limits.first_ms = 20;
	fd = connect_client();
	rig_until(all_closed, NULL);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
}

Test(agent_connection, an_idle_client_is_dropped_after_its_reply)
{
	int fd;

	server.limits.idle_ms = 20;
	fd = connect_client();
	send_text(fd, "a");
	expect_reply(fd, "\"a\"");
	rig_until(all_closed, NULL);
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
}

Test(agent_connection, half_a_request_is_not_waited_for_for_ever)
{
	int fd;

	server.limits.request_ms = 20;
	fd = connect_client();
	rig_send(fd, "\0\0\0", 3);
	expect_reply(fd, "{\"Error\":{\"message\":\"the request did not arrive in time\"}}");
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
	rig_until(all_closed, NULL);
}

Test(agent_connection, a_trickle_does_not_put_the_deadline_off)
{
	int fd = connect_client();
	struct connection *c = server.oldest;

	rig_send(fd, "\0", 1);
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_expect_eq(c->timer_for, CONNECTION_TIMER_REQUEST);
	loop_timer_set(&rig.loop, &c->timer, UINT64_MAX / 2);
	rig_send(fd, "\0", 1);
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_expect_eq(c->timer.at_ms, UINT64_MAX / 2);
	cr_expect_eq(c->timer_for, CONNECTION_TIMER_REQUEST);
	close(fd);
}

Test(agent_connection, a_reader_that_does_not_read_is_dropped)
{
	int fd;

	server.limits.write_ms = 20;
	fd = connect_client();
	send_text(fd, "digits 262144");
	send_text(fd, "digits 262144");
	rig_until(all_closed, NULL);
	close(fd);
}

Test(agent_connection, lingering_ends)
{
	int fd;

	server.limits.linger_ms = 20;
	fd = connect_client();
	send_text(fd, "bad");
	rig_until(lingers, NULL);
	rig_until(all_closed, NULL);
	close(fd);
}

/* ---- replies that come later ----------------------------------------------------------------- */

static bool is_held(const void *arg)
{
	(void)arg;
	return held != NULL;
}

static bool is_gone(const void *arg)
{
	(void)arg;
	return gone_calls > 0;
}

Test(agent_connection, a_reply_later_and_the_next_request_after_it)
{
	int fd = connect_client(), other = connect_client();
	struct connection *c;

	send_text(fd, "hold");
	send_text(fd, "next");
	rig_until(is_held, NULL);
	send_text(other, "a");
	expect_reply(other, "\"a\"");
	cr_assert_eq(requests, 2, "the next one waits");
	c = held;
	connection_reply(c, write_text, "now");
	expect_reply(fd, "\"now\"");
	expect_reply(fd, "\"next\"");
	cr_expect_eq(gone_calls, 0);
	close(fd);
	close(other);
}

Test(agent_connection, the_owner_learns_that_the_client_is_gone)
{
	int fd = connect_client();

	send_text(fd, "hold");
	send_text(fd, "never taken");
	rig_until(is_held, NULL);
	close(fd);
	rig_until(is_gone, NULL);
	cr_expect_eq(gone_calls, 1);
	cr_expect_eq(server.count, 0);
	cr_expect_eq(requests, 1);
}

Test(agent_connection, half_a_close_while_the_reply_is_made_is_not_gone)
{
	int fd = connect_client(), other = connect_client();

	send_text(fd, "hold");
	rig_until(is_held, NULL);
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	send_text(other, "a");
	expect_reply(other, "\"a\"");
	send_text(other, "a");
	expect_reply(other, "\"a\"");
	cr_assert_eq(gone_calls, 0);
	connection_reply(held, write_text, "now");
	expect_reply(fd, "\"now\"");
	cr_expect_eq(rig_drain(fd), 0);
	close(fd);
	close(other);
}

Test(agent_connection, closing_the_server_tells_the_owner)
{
	int fd = connect_client();

	send_text(fd, "hold");
	rig_until(is_held, NULL);
	server_close(&server);
	cr_expect_eq(gone_calls, 1);
	close(fd);
}

/* Who has a reply under way gets all of it, and a moment to close; others are closed at once. */
Test(agent_connection, finishing_lets_replies_arrive)
{
	int served = connect_client(), silent = connect_client(), reading = connect_client();

	send_text(served, "a");
	expect_reply(served, "\"a\"");
	send_text(reading, "digits 250000");
	while (requests < 2)
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	server_finish(&server, 60000);
	cr_expect_eq(rig_drain(silent), 0);
	cr_expect_eq(rig_drain(served), 0);
	cr_expect_eq(rig_drain(reading), PROTOCOL_HEADER_BYTES + 250000);
	cr_expect_eq(server.count, 2, "they have not closed yet");
	close(served);
	close(reading);
	while (server.count > 0)
		cr_assert_eq(loop_run_once(&rig.loop), 0);
}

/* The peer's half close wakes the loop once; after that there is nothing, for as long as it takes.
 */
Test(agent_connection, early_requests_do_not_spin)
{
	struct epoll_event events[4];
	int fd = connect_client();

	send_text(fd, "hold");
	rig_until(is_held, NULL);
	send_text(fd, "early");
	cr_assert_eq(epoll_wait(rig.loop.epoll_fd, events, 4, 0), 0);
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_assert_eq(epoll_wait(rig.loop.epoll_fd, events, 4, 0), 0);
	cr_assert_null(rig.loop.timers);
	close(fd);
}

/* ---- many connections ------------------------------------------------------------------------ */

Test(agent_connection, five_hundred_clients_and_a_request)
{
	int fds[500], fd;

	for (int i = 0; i < 500; i++)
		fds[i] = connect_client();
	fd = connect_client();
	send_text(fd, "a");
	expect_reply(fd, "\"a\"");
	for (int i = 0; i < 500; i++)
		send_text(fds[i], "b");
	for (int i = 0; i < 500; i++) {
		expect_reply(fds[i], "\"b\"");
		close(fds[i]);
	}
	close(fd);
	rig_until(all_closed, NULL);
}

Test(agent_connection, a_new_client_takes_the_place_of_the_longest_idle)
{
	int busy, idle, partial, fresh, pair[2];

	server.limits.connections = 3;
	busy = connect_client();
	send_text(busy, "hold");
	rig_until(is_held, NULL);
	partial = connect_client();
	rig_send(partial, "\0", 1);
	idle = connect_client();
	send_text(idle, "a");
	expect_reply(idle, "\"a\"");
	fresh = connect_client(); /* instead of idle */
	cr_expect_eq(rig_drain(idle), 0);
	send_text(fresh, "hold");
	send_text(fresh, "x");
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	close(idle);
	idle = connect_client(); /* instead of partial */
	cr_expect_eq(rig_drain(partial), 0);
	close(partial);
	send_text(idle, "hold");
	cr_assert_eq(loop_run_once(&rig.loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_expect_eq(server_add(&server, pair[0]), -EBUSY);
	cr_expect_eq(rig_drain(pair[1]), 0);
	cr_expect_not(server_drop_idle(&server));
	cr_expect_eq(server.count, 3);
	held = server.oldest;
	held->gone = held->newer->gone = held->newer->newer->gone = NULL;
	close(busy);
	close(fresh);
	close(idle);
	close(pair[1]);
}
