/* SPDX-License-Identifier: MIT */
/* Answers of several frames, and further ports: stream.h, data_port.h, and the raw connections. */
#include "agent_rig.h"

#include "agent/state.h"
#include "agent/wire/data_port.h"
#include "agent/wire/peer.h"
#include "agent/wire/stream.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct agent agent;
static struct stream stream;
static int client;
static size_t gone, drained, silent, streams;
static bool host_connects;

bool peer_is_allowed(const struct sockaddr *address, socklen_t len)
{
	(void)address;
	(void)len;
	return host_connects;
}

static void count_gone(struct stream *s)
{
	(void)s;
	gone++;
}

static void count_drained(struct stream *s)
{
	(void)s;
	drained++;
}

static void count_silent(struct stream *s)
{
	(void)s;
	silent++;
}

/* Every request begins a stream. */
static void request(struct connection *c, const char *body, size_t len)
{
	(void)body;
	(void)len;
	streams++;
	stream = (struct stream){ .gone = count_gone,
		.abandon = count_gone,
		.drained = count_drained,
		.silent = count_silent };
	stream_begin(&stream, &agent, c);
}

static void connect_here(void)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	cr_assert_eq(server_add(&agent.server, fds[0]), 0);
	client = fds[1];
}

static void start(void)
{
	rig_start();
	cr_assert_eq(loop_init(&agent.loop), 0);
	server_init(&agent.server, &agent.loop, request, &agent);
	connect_here();
}

static void stop(void)
{
	server_close(&agent.server);
	close(client);
	loop_close(&agent.loop);
	rig_stop();
}

TestSuite(agent_stream, .init = start, .fini = stop, .timeout = 60);

/* The loop of the agent, until the number has come to `want`. */
static void until(const size_t *number, size_t want)
{
	while (*number < want)
		cr_assert_eq(loop_run_once(&agent.loop), 0);
}

static void ask(void)
{
	char frame[64];

	rig_send(client, frame, rig_frame("\"Ping\"", frame));
}

static const struct proc_event empty = { .kind = PROC_EVENT_STDOUT };
static const struct proc_event over = { .kind = PROC_EVENT_TIMED_OUT };

static void expect_frame(const char *want)
{
	char *body = rig_receive(client);

	cr_assert_not_null(body);
	cr_expect_str_eq(body, want);
	free(body);
}

Test(agent_stream, frames_come_in_order_and_the_connection_goes_on)
{
	for (size_t round = 1; round <= 2; round++) {
		ask();
		until(&streams, round);
		cr_expect(stream_send(&stream, ANSWER_PROC_WAIT_EVENT, &empty));
		cr_expect(stream_send(&stream, ANSWER_PROC_WAIT_EVENT, &empty));
		cr_expect_not(stream_is_full(&stream));
		stream_end(&stream, ANSWER_PROC_WAIT_EVENT, &over);
		expect_frame("{\"ProcWaitEvent\":{\"Stdout\":{\"chunk\":[]}}}");
		expect_frame("{\"ProcWaitEvent\":{\"Stdout\":{\"chunk\":[]}}}");
		expect_frame("{\"ProcWaitEvent\":\"TimedOut\"}");
	}
	cr_expect_eq(gone, 0);
	cr_expect_null(agent.pending);
}

/* A client that does not read fills its stream, and nothing else; when it reads, all comes. */
Test(agent_stream, a_client_that_does_not_read)
{
	char bytes[STREAM_CHUNK_MAX], away[65536];
	struct proc_event chunk = { .kind = PROC_EVENT_STDOUT,
		.as.output.chunk = { bytes, sizeof(bytes) } };
	size_t sent = 0, got = 0;
	ssize_t n;

	memset(bytes, 0xff, sizeof(bytes));
	ask();
	until(&streams, 1);
	for (; !stream_is_full(&stream); sent++)
		cr_assert(stream_send(&stream, ANSWER_PROC_WAIT_EVENT, &chunk));
	cr_expect_lt(sent, 20);
	cr_expect_eq(drained, 0);
	while (drained == 0) {
		while ((n = read(client, away, sizeof(away))) > 0)
			got += (size_t)n;
		cr_assert_eq(loop_run_once(&agent.loop), 0);
	}
	while ((n = read(client, away, sizeof(away))) > 0)
		got += (size_t)n;
	cr_expect_eq(got, sent * (4 + strlen("{\"ProcWaitEvent\":{\"Stdout\":{\"chunk\":[]}}}") +
					 4 * sizeof(bytes) - 1));
	cr_expect(stream_send(&stream, ANSWER_PROC_WAIT_EVENT, &empty));
	expect_frame("{\"ProcWaitEvent\":{\"Stdout\":{\"chunk\":[]}}}");
	stream_end(&stream, ANSWER_PROC_WAIT_EVENT, &over);
}

Test(agent_stream, a_client_that_goes_away_is_noticed)
{
	ask();
	until(&streams, 1);
	close(client);
	until(&gone, 1);
	cr_expect_null(agent.pending);
	cr_expect_eq(agent.server.count, 0);
	client = -1;
}

/* What waits with a backlog, too. */
Test(agent_stream, a_client_that_goes_away_without_reading)
{
	char bytes[STREAM_CHUNK_MAX] = { 0 };
	struct proc_event chunk = { .kind = PROC_EVENT_STDOUT,
		.as.output.chunk = { bytes, sizeof(bytes) } };

	ask();
	until(&streams, 1);
	while (!stream_is_full(&stream))
		cr_assert(stream_send(&stream, ANSWER_PROC_WAIT_EVENT, &chunk));
	close(client);
	until(&gone, 1);
	cr_expect_eq(agent.server.count, 0);
	client = -1;
}

Test(agent_stream, silence_is_told)
{
	ask();
	until(&streams, 1);
	cr_assert(stream.pending.timer.set);
	loop_timer_clear(&agent.loop, &stream.pending.timer);
	stream.pending.timer.expire(&stream.pending.timer);
	cr_expect_eq(silent, 1);
	cr_expect(stream.pending.timer.set);
	stream_end(&stream, ANSWER_PROC_WAIT_EVENT, &over);
	cr_expect_not(stream.pending.timer.set);
}

/* ---- plain bytes on the port of frames ------------------------------------------------------- */

static size_t raws;
static char raw_bytes[16];
static bool wants;

static bool wants_raw(void *owner)
{
	(void)owner;
	return wants;
}

static void raw(void *owner, int fd, const char *bytes, size_t len)
{
	(void)owner;
	memcpy(raw_bytes, bytes, len);
	raw_bytes[len] = '\0';
	raws++;
	close(fd);
}

Test(agent_stream, plain_bytes_are_given_away_where_they_are_wanted)
{
	agent.server.wants_raw = wants_raw;
	agent.server.raw = raw;
	wants = true;
	rig_send(client, "ls\n", 3);
	until(&raws, 1);
	cr_expect_str_eq(raw_bytes, "ls\n");
	cr_expect_eq(agent.server.count, 0);
	close(client);
	connect_here(); /* silent */
	until(&raws, 2);
	cr_expect_str_eq(raw_bytes, "");
	close(client);
	connect_here();
	ask(); /* a frame is one all the same */
	until(&streams, 1);
	stream_end(&stream, ANSWER_PROC_WAIT_EVENT, &over);
	cr_expect_eq(raws, 2);
	agent.server.wants_raw = NULL;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static size_t accepted;

static void count_accepted(struct data_port *d, int fd)
{
	(void)d;
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	accepted++;
	close(fd);
}

static int dial(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

Test(agent_stream, a_data_port_is_for_the_host_only)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct data_port port = { .accepted = count_accepted, .io.fd = -1 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), other;
	char byte;

	strcpy(address.sun_path, rig_path("port"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 8), 0);
	cr_assert_eq(data_port_adopt(&port, &agent.loop, fd), 0);
	other = dial(&address);
	cr_assert_eq(loop_run_once(&agent.loop), 0);
	cr_expect_eq(read(other, &byte, 1), 0, "the port has closed it");
	cr_expect_eq(accepted, 0);
	close(other);
	host_connects = true;
	other = dial(&address);
	until(&accepted, 1);
	close(other);
	data_port_close(&port);
	data_port_close(&port);
	cr_expect_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), -1);
}
