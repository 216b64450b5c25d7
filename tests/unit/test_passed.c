/* SPDX-License-Identifier: MIT */
/* Passed descriptors whose last close(2) takes an hour do not hold up who receives them. */
#include "base/passed.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S 20

static int listener; /* whose connections nobody accepts */

/* A connection with SO_LINGER and bytes that nobody takes. */
static int slow_to_close(void)
{
	static char block[1 << 16];
	struct linger linger = { 1, 3600 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener == 0) {
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
		cr_assert_eq(listen(listener, 8), 0);
	}
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Send a message with `fd`, and give up our own copy. */
static void pass(int to, const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec data = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	cr_assert_eq(sendmsg(to, &m, 0), (ssize_t)data.iov_len);
	close(fd);
}

static int next_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

Test(passed, a_descriptor_comes_and_goes, .timeout = TIMEOUT_S)
{
	int ends[2], on = 1, before;
	char text[16] = "";
	pid_t sender;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	cr_assert_eq(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	pass(ends[1], "hello", slow_to_close());
	before = next_free_fd();
	cr_expect_eq(passed_receive(ends[0], text, sizeof(text), &sender), 5);
	cr_expect_str_eq(text, "hello");
	cr_expect_eq(sender, getpid());
	cr_expect_eq(next_free_fd(), before);
	cr_expect_eq(passed_receive(ends[0], text, sizeof(text), &sender), -EAGAIN);
	while (waitpid(-1, NULL, 0) > 0) /* the copies end */
		;
}

Test(passed, a_message_that_is_too_long_has_its_length, .timeout = TIMEOUT_S)
{
	char text[4];
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	cr_assert_eq(send(ends[1], "12345", 5, 0), 5);
	cr_expect_eq(passed_receive(ends[0], text, sizeof(text), NULL), 5);
	close(ends[1]);
	cr_expect_eq(passed_receive(ends[0], text, sizeof(text), NULL), 0);
}

/* Messages that are unread at the end, an empty one among them. */
static void discard(int type)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, type, 0, ends), 0);
	cr_assert_eq(send(ends[1], "", 0, 0), 0);
	pass(ends[1], "x", slow_to_close());
	passed_stop(ends[0]);
	cr_expect_lt(send(ends[1], "y", 1, MSG_NOSIGNAL), 0);
	cr_expect_eq(errno, EPIPE);
	passed_discard(ends[0]);
	close(ends[0]);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

Test(passed, what_is_unread_is_discarded, .timeout = TIMEOUT_S)
{
	discard(SOCK_DGRAM);
}

Test(passed, what_is_unread_of_a_connection_is_discarded, .timeout = TIMEOUT_S)
{
	discard(SOCK_SEQPACKET);
}
