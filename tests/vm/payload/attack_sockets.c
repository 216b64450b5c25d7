/* SPDX-License-Identifier: MIT */
/* Sockets whose buffers nobody reads. */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/vm_sockets.h>

static char block[32768];

static void enlarge(int fd)
{
	int size = 1 << 24;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Send until the buffers are full. A memory that is used up is an error, a full buffer is none. */
static int stuff(int fd, size_t size)
{
	while (send(fd, block, size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return errno == ENOMEM || errno == ENOBUFS ? errno : 0;
}

static int take_pair(int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
		return errno;
	enlarge(fds[0]);
	enlarge(fds[1]);
	return stuff(fds[0], sizeof block);
}

static int take_unix(void)
{
	return take_pair(SOCK_STREAM);
}

static int take_unix_datagram(void)
{
	return take_pair(SOCK_DGRAM);
}

/* A socket that is sent through itself, with those before it inside: in flight, and nobody's. */
static int take_flight(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec data = { block, 1 };
	struct msghdr m = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	static int before = -1;
	int fds[2], sent;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), before >= 0 ? &before : &fds[1], sizeof(int));
	sent = (int)sendmsg(fds[0], &m, MSG_DONTWAIT);
	if (before >= 0)
		close(before);
	before = fds[1];
	close(fds[0]);
	return sent < 0 ? errno : 0;
}

static int bind_local(int fd, struct sockaddr_in *a)
{
	socklen_t len = sizeof *a;

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	return bind(fd, (struct sockaddr *)a, sizeof *a) != 0 ||
			       getsockname(fd, (struct sockaddr *)a, &len) != 0
		       ? errno
		       : 0;
}

static int take_udp(void)
{
	struct sockaddr_in a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), out, error;

	if (fd < 0)
		return errno;
	enlarge(fd);
	error = bind_local(fd, &a);
	out = error == 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (out < 0)
		return error != 0 ? error : errno;
	if (connect(out, (struct sockaddr *)&a, sizeof a) != 0)
		return errno;
	for (int i = 0; i < 64; i++) /* a full buffer drops what comes */
		send(out, block, sizeof block, MSG_DONTWAIT);
	close(out);
	return 0;
}

static int take_tcp(void)
{
	struct sockaddr_in a;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, error;

	if (listener < 0)
		return errno;
	error = bind_local(listener, &a);
	if (error == 0 && listen(listener, 1) != 0)
		error = errno;
	fd = error == 0 ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return error != 0 ? error : errno;
	enlarge(fd);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return errno;
	return stuff(fd, sizeof block);
}

static int take_netlink(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof a;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);
	int out = fd < 0 ? -1 : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);

	if (out < 0)
		return errno;
	enlarge(fd);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return errno;
	while (sendto(out, block, 4096, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof a) > 0)
		;
	close(out);
	return 0;
}

/* The receiver says how much it will buffer, and no limit holds for that. */
static int take_vsock(void)
{
	static int listener = -1;
	static struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_port = 5000 };
	unsigned long long size = 1ULL << 30;
	int fd;

	if (listener < 0) {
		listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (listener < 0)
			return errno;
		setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof size);
		setsockopt(listener, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof size);
		a.svm_cid = VMADDR_CID_ANY;
		a.svm_port += (unsigned int)getpid();
		if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 ||
			listen(listener, 128) != 0)
			return errno;
		a.svm_cid = 1; /* VMADDR_CID_LOCAL */
	}
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return errno;
	(void)!accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; i < 512; i++)
		if (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return errno == EAGAIN ? 0 : errno;
	return 0;
}

/* A connection to the agent, which closes it. While more of them wait than it takes, none is made.
 */
static int take_agent(void)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = 1, .svm_port = 52 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		close(fd);
	return 0;
}

const struct attack attacks_sockets[] = {
	{ "agent", take_agent, attack_nothing },
	{ "netlink", take_netlink, attack_nothing },
	{ "tcp", take_tcp, attack_nothing },
	{ "udp", take_udp, attack_nothing },
	{ "unix", take_unix, attack_nothing },
	{ "unix-datagram", take_unix_datagram, attack_nothing },
	{ "unix-flight", take_flight, attack_nothing },
	{ "vsock", take_vsock, attack_nothing },
	{ 0 },
};
