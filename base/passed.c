/* SPDX-License-Identifier: MIT */
#include "base/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS_MAX      253  /* SCM_MAX_FD: the kernel passes no more in one message */
#define MESSAGES_MAX 1024 /* more do not fit into a socket's default buffer */

/* A copy that ends at the end of the pipe: after its caller has closed the descriptors. */
static pid_t copy_process(const int ends[2])
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	char byte;

	if (pid != 0)
		return pid;
	close(ends[1]);
	(void)!read(ends[0], &byte, 1);
	_exit(0);
}

/* Without a process the lingering is turned off: it holds for all but sockets within sockets. */
static void close_at_once(int fd)
{
	const struct linger off = { 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
}

static void close_passed(const int *fds, size_t count)
{
	int ends[2];
	pid_t pid = -1;

	if (pipe2(ends, O_CLOEXEC) != 0)
		ends[0] = ends[1] = -1;
	else
		pid = copy_process(ends);
	for (size_t i = 0; i < count; i++)
		if (pid > 0)
			close(fds[i]);
		else
			close_at_once(fds[i]);
	if (ends[0] >= 0) {
		close(ends[0]);
		close(ends[1]);
	}
}

/* A message has at most one part of each kind. */
static void take_part(struct cmsghdr *c, pid_t *sender)
{
	int fds[FDS_MAX];
	size_t len = c->cmsg_len - CMSG_LEN(0);
	struct ucred who;

	if (c->cmsg_level != SOL_SOCKET)
		return;
	if (c->cmsg_type == SCM_CREDENTIALS && len >= sizeof(who)) {
		memcpy(&who, CMSG_DATA(c), sizeof(who));
		*sender = who.pid;
	} else if (c->cmsg_type == SCM_RIGHTS && len <= sizeof(fds)) {
		memcpy(fds, CMSG_DATA(c), len);
		close_passed(fds, len / sizeof(int));
	}
}

ssize_t passed_receive(int fd, void *data, size_t size, pid_t *sender)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	int err = errno;
	pid_t nobody;

	if (sender == NULL)
		sender = &nobody;
	*sender = 0;
	if (n < 0)
		return -err;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
		take_part(c, sender);
	return n;
}

void passed_stop(int fd)
{
	shutdown(fd, SHUT_RD);
}

void passed_discard(int fd)
{
	char byte;

	/* An empty message looks like the end of a connection. */
	for (int i = 0; i < MESSAGES_MAX && passed_receive(fd, &byte, 1, NULL) >= 0; i++)
		;
}
