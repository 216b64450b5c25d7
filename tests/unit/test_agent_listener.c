/* SPDX-License-Identifier: MIT */
/* Accepting connections, over AF_UNIX sockets and with this test's own idea of who may connect. */
#include "agent_rig.h"

#include "agent/wire/listener.h"
#include "agent/wire/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct server server;
static struct listener listener;
static struct sockaddr_un address;
static bool allow; /* for peer_is_allowed() */

bool peer_is_allowed(const struct sockaddr *peer, socklen_t len)
{
	(void)peer;
	(void)len;
	return allow;
}

static void write_pong(struct buf *b, const void *arg)
{
	(void)arg;
	buf_puts(b, "\"Pong\"");
}

static void request(struct connection *c, const char *body, size_t len)
{
	(void)body;
	(void)len;
	connection_reply(c, write_pong, NULL);
}

static int listening_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	address.sun_family = AF_UNIX;
	strcpy(address.sun_path, rig_path("socket"));
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

static void start(void)
{
	struct problem p;
	int fd;

	rig_start();
	fd = listening_socket();
	cr_assert_eq(listener_adopt(fd, &p), 0, "%s", p.text);
	server_init(&server, &rig.loop, request, NULL);
	cr_assert_eq(listener_start(&listener, &server, fd), 0);
	allow = true;
	rig_log_start();
}

static void stop(void)
{
	listener_close(&listener);
	server_close(&server);
	rig_stop();
}

TestSuite(agent_listener, .init = start, .fini = stop, .timeout = 60);

static int connect_client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0, "%m");
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%m");
	return fd;
}

static void expect_pong(int fd)
{
	char *reply;

	rig_send(fd, "\0\0\0\6\"Ping\"", 10);
	reply = rig_receive(fd);
	cr_assert_not_null(reply);
	cr_assert_str_eq(reply, "\"Pong\"");
	free(reply);
}

Test(agent_listener, the_host_is_served)
{
	int fd = connect_client();

	expect_pong(fd);
	cr_expect_eq(fcntl(listener.io.fd, F_GETFD), FD_CLOEXEC);
	cr_expect(fcntl(listener.io.fd, F_GETFL) & O_NONBLOCK);
	cr_expect_eq(fcntl(server.oldest->io.fd, F_GETFD), FD_CLOEXEC);
	cr_expect(fcntl(server.oldest->io.fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

/* The starter's backlog of one is not what 500 clients at once meet. */
/* Never an accept that finds nobody: the kernel lets it sleep. */
Test(agent_listener, one_connection_a_pass)
{
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = connect_client();
	for (size_t i = 1; i <= 3; i++) {
		cr_assert_eq(loop_run_once(&rig.loop), 0);
		cr_expect_eq(server.count, i);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

Test(agent_listener, the_backlog_is_long)
{
	int fds[200];

	for (int i = 0; i < 200; i++)
		fds[i] = connect_client();
	for (int i = 0; i < 200; i++) {
		expect_pong(fds[i]);
		close(fds[i]);
	}
}

Test(agent_listener, others_are_closed_at_once_and_logged_once)
{
	int fds[20];

	allow = false;
	for (int i = 0; i < 20; i++)
		fds[i] = connect_client();
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(rig_drain(fds[i]), 0);
		close(fds[i]);
	}
	cr_expect_eq(server.count, 0);
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "refused 1 connection not made by the host"));
	/* When the time for the next line has come, it tells how many there were in between. */
	listener.refused.quiet_until_ms = 0;
	fds[0] = connect_client();
	cr_expect_eq(rig_drain(fds[0]), 0);
	close(fds[0]);
	cr_expect_not_null(
		strstr(rig_log(), "refused 20 connections not made by the host"), "%s", rig_log());
}

static void limit_descriptors(rlim_t count)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static bool paused(const void *arg)
{
	(void)arg;
	return listener.pause.set;
}

static bool accepted(const void *count)
{
	return server.count == *(const size_t *)count;
}

Test(agent_listener, without_descriptors_accepting_pauses_and_does_not_spin)
{
	int fd = connect_client(), next = dup(0);
	struct epoll_event events[4];

	cr_assert_geq(next, 0);
	close(next);
	limit_descriptors((rlim_t)next);
	rig_until(paused, NULL);
	cr_expect_eq(epoll_wait(rig.loop.epoll_fd, events, 4, 0), 0);
	cr_expect_not_null(strstr(rig_log(), "cannot accept connections: "), "%s", rig_log());
	cr_expect_eq(rig_count(rig_log(), "\n"), 1);
	limit_descriptors(1024);
	expect_pong(fd);
	close(fd);
}

Test(agent_listener, without_descriptors_the_longest_idle_connection_is_given_up)
{
	int first = connect_client(), second = connect_client(), third, next;

	expect_pong(first);
	expect_pong(second);
	third = connect_client();
	next = dup(0);
	close(next);
	limit_descriptors((rlim_t)next);
	expect_pong(third);
	cr_expect_eq(rig_drain(first), 0);
	rig_until(accepted, &(size_t){ 2 });
	limit_descriptors(1024);
	expect_pong(second);
	close(first);
	close(second);
	close(third);
}

Test(agent_listener, too_many_at_once_are_closed_and_logged)
{
	int fds[3];

	server.limits.connections = 0;
	for (int i = 0; i < 3; i++) {
		fds[i] = connect_client();
		cr_expect_eq(rig_drain(fds[i]), 0);
		close(fds[i]);
	}
	cr_expect_eq(rig_count(rig_log(), "\n"), 1, "%s", rig_log());
	cr_expect_not_null(strstr(rig_log(), "closed 1 new connection: 0 are being served"));
}

static bool has_failed(const void *arg)
{
	(void)arg;
	return listener.error != 0;
}

Test(agent_listener, a_socket_that_listens_no_more_is_an_error)
{
	int other = dup(listener.io.fd);

	cr_assert_eq(shutdown(other, SHUT_RDWR), 0);
	rig_until(has_failed, NULL);
	cr_expect_eq(listener.error, -ENOTCONN);
	close(other);
}

/* ---- taking a socket over -------------------------------------------------------------------- */

Test(agent_listener, what_is_no_listening_socket_is_refused)
{
	struct problem p;
	int fds[2];

	cr_expect_eq(listener_adopt(1000, &p), -EBADF);
	cr_expect_str_eq(p.text, "--listen-fd 1000: Bad file descriptor");
	cr_expect_eq(listener_adopt(rig.jobs.null_fd, &p), -ENOTSOCK);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_expect_eq(listener_adopt(fds[0], &p), -EINVAL);
	cr_expect_not_null(strstr(p.text, "is not a listening socket"), "%s", p.text);
	close(fds[0]);
	close(fds[1]);
}

/* Ports below 1024 need a capability; a port above is bound where there is vsock at all. */
Test(agent_listener, binding_a_port)
{
	struct problem p;
	int fd = listener_bind(40123, &p), second;

	if (fd < 0)
		cr_skip_test("no vsock on this machine");
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(listener_port(fd, 1), 40123);
	cr_expect_eq(listener_port(listener.io.fd, 1), 1);
	second = listener_bind(40123, &p);
	cr_expect_eq(second, -EADDRINUSE);
	cr_expect_str_eq(p.text, "vsock port 40123: bind: Address already in use");
	close(fd);
}
