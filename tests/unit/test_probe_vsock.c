/* SPDX-License-Identifier: MIT */
/*
 * Exchanges over AF_VSOCK. Its system calls are the test's own, because few machines have guests:
 * they record the address and lead to an agent on a Unix socket, or to an error.
 */
#include "base/vsock.h"
#include "fake_agent.h"
#include "virtual_time.h"

#include "probe/wire/exchange.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/test-vsock-XXXXXX", path[64];
static struct loop loop;
static struct fake_agent agent;
static bool finished;

static int socket_error;  /* of socket(2) */
static int connect_error; /* of connect(2) */
static int later_error;   /* found by SO_ERROR after EINPROGRESS */
static int vsock_fd = -1; /* the socket that stands for one of AF_VSOCK */
static int vsock_flags;
static struct sockaddr_vm asked; /* the address that was connected to */

int socket(int family, int type, int protocol)
{
	if (family == AF_VSOCK && socket_error != 0) {
		errno = socket_error;
		return -1;
	}
	if (family != AF_VSOCK)
		return (int)syscall(SYS_socket, family, type, protocol);
	vsock_flags = type;
	vsock_fd = (int)syscall(SYS_socket, AF_UNIX, type, 0);
	return vsock_fd;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd != vsock_fd)
		return (int)syscall(SYS_connect, fd, address, size);
	cr_assert_eq(size, sizeof(asked));
	memcpy(&asked, address, sizeof(asked));
	if (later_error == 0 && (connect_error == 0 || connect_error == EINPROGRESS)) {
		strcpy(to.sun_path, path);
		cr_assert_eq(syscall(SYS_connect, fd, &to, sizeof(to)), 0);
	}
	errno = connect_error;
	return connect_error == 0 ? 0 : -1;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	if (fd == vsock_fd && level == SOL_SOCKET && name == SO_ERROR && later_error != 0) {
		memcpy(value, &later_error, sizeof(later_error));
		return 0;
	}
	return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/agent", directory);
	cr_assert_eq(loop_init(&loop), 0);
	virtual_time_start(loop.epoll_fd);
}

static void clean_up(void)
{
	loop_close(&loop);
	unlink(path);
	rmdir(directory);
}

TestSuite(probe_vsock, .init = set_up, .fini = clean_up, .timeout = 60);

static void done(struct exchange *x)
{
	(void)x;
	finished = true;
}

static struct exchange ask(const char *text)
{
	static struct target target;
	struct problem p;
	struct exchange x = { .loop = &loop,
		.target = &target,
		.request = "\"Ping\"",
		.request_len = 6,
		.timeout_ms = 10000,
		.done = done };

	target_free(&target);
	cr_assert_eq(target_parse(&target, text, 52, &p), 0);
	finished = false;
	exchange_start(&x);
	while (!finished)
		cr_assert_eq(loop_run_once(&loop), 0);
	target_free(&target);
	return x;
}

static void check_good(const char *text, uint32_t cid, uint32_t port)
{
	static const struct fake_answer pong[] = { { "\"Ping\"", "\"Pong\"", 0 }, { 0 } };
	static const struct fake_script script = { .answers = pong, .no_handshake = true };
	struct exchange x;

	fake_agent_start(&agent, &loop, path, &script);
	x = ask(text);
	cr_assert_eq(x.failure.kind, FAILURE_NONE, "%s", x.failure.text);
	cr_assert_str_eq(x.body, "\"Pong\"");
	cr_assert_str_eq(agent.last_request, "\"Ping\"", "without a handshake");
	cr_assert_eq(asked.svm_family, AF_VSOCK);
	cr_assert_eq(asked.svm_cid, cid);
	cr_assert_eq(asked.svm_port, port);
	cr_assert(vsock_flags & SOCK_NONBLOCK);
	cr_assert(vsock_flags & SOCK_CLOEXEC);
	exchange_free(&x);
	fake_agent_stop(&agent);
}

Test(probe_vsock, connects_to_the_guest)
{
	check_good("vsock:7", 7, 52);
	check_good("vsock:4294967294:5252", 4294967294u, 5252);
}

Test(probe_vsock, a_connection_that_takes_its_time)
{
	connect_error = EINPROGRESS;
	check_good("vsock:7", 7, 52);
}

static void expect(int now, int later, enum failure_kind kind, const char *part)
{
	struct exchange x;

	connect_error = now;
	later_error = later;
	x = ask("vsock:7");
	cr_expect_eq(x.failure.kind, kind, "%s", x.failure.text);
	cr_expect_not_null(strstr(x.failure.text, part), "%s", x.failure.text);
	exchange_free(&x);
}

Test(probe_vsock, errors_say_what_they_mean)
{
	expect(ECONNRESET, 0, FAILURE_NO_LISTENER, "nothing listens on port 52 in the guest");
	expect(EINPROGRESS, ECONNRESET, FAILURE_NO_LISTENER, "nothing listens on port 52");
	expect(ENODEV, 0, FAILURE_REFUSED, "no guest with CID 7");
	expect(EINPROGRESS, ETIMEDOUT, FAILURE_REFUSED, "no guest with CID 7");
	expect(EINPROGRESS, EHOSTUNREACH, FAILURE_REFUSED, "no guest with CID 7");
	expect(EACCES, 0, FAILURE_DENIED, "permission denied");
	expect(ENOBUFS, 0, FAILURE_SYSTEM, "connect:");
	socket_error = EAFNOSUPPORT;
	expect(0, 0, FAILURE_SYSTEM, "this machine has no vsock");
}
