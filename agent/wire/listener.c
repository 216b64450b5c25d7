/* SPDX-License-Identifier: MIT */
#include "agent/wire/listener.h"

#include "agent/wire/peer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG         1024
#define PAUSE_MS        100   /* after accept(2) lacked descriptors or memory */
#define NOTICE_EVERY_MS 10000 /* between log lines about the same event */

int listener_bind(uint32_t port, struct problem *p)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_ANY
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return problem_set(p, errno, "vsock port %u: socket", port);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		err = problem_set(p, errno, "vsock port %u: bind", port);
	else if (listen(fd, BACKLOG) != 0)
		err = problem_set(p, errno, "vsock port %u: listen", port);
	else
		return fd;
	close(fd);
	return err;
}

int listener_adopt(int fd, struct problem *p)
{
	int listening = 0, flags;
	socklen_t len = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0)
		return problem_set(p, errno, "--listen-fd %d", fd);
	if (!listening)
		return problem_set_text(p, EINVAL, "--listen-fd %d is not a listening socket", fd);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return problem_set(p, errno, "--listen-fd %d", fd);
	return 0;
}

uint32_t listener_port(int fd, uint32_t otherwise)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t len = sizeof(storage);
	struct sockaddr_vm vm;

	if (getsockname(fd, (struct sockaddr *)&storage, &len) != 0 ||
		storage.ss_family != AF_VSOCK || len < sizeof(vm))
		return otherwise;
	memcpy(&vm, &storage, sizeof(vm));
	return vm.svm_port;
}

/* Count an event. Returns the events since the last log line if a line is due now, else 0. */
static unsigned long notice(struct listener_notice *n)
{
	uint64_t now = clock_ms();
	unsigned long count = ++n->count;

	if (now < n->quiet_until_ms)
		return 0;
	n->quiet_until_ms = now + NOTICE_EVERY_MS;
	n->count = 0;
	return count;
}

static void say_refused(struct listener *l, const struct sockaddr *address, socklen_t len)
{
	unsigned long count = notice(&l->refused);
	struct sockaddr_vm vm = { 0 };

	if (count == 0)
		return;
	if (len >= sizeof(vm) && address->sa_family == AF_VSOCK)
		memcpy(&vm, address, sizeof(vm));
	log_line("refused %lu connection%s not made by the host, the last from CID %u", count,
		count == 1 ? "" : "s", vm.svm_cid);
}

/* True if accept(2)'s error concerns one connection only, or none. */
static bool concerns_one(int error)
{
	return error == EINTR || error == ECONNABORTED || error == ECONNRESET || error == EPROTO ||
	       error == ENOTCONN || error == ETIMEDOUT;
}

/* True if accept(2) can never work again on this socket. */
static bool is_final(int error)
{
	return error == EBADF || error == EINVAL || error == ENOTSOCK || error == EOPNOTSUPP;
}

/* accept(2) lacks resources: close an idle connection, or pause. */
static void make_room(struct listener *l, int error)
{
	unsigned long count = notice(&l->lacking);

	if (count > 0)
		log_line("cannot accept connections: %s (%lu times)", problem_errno_text(error),
			count);
	if (server_drop_idle(l->server))
		return;
	loop_change(l->server->loop, &l->io, 0);
	loop_timer_set(l->server->loop, &l->pause, clock_ms() + PAUSE_MS);
}

static void pause_over(struct loop_timer *timer)
{
	struct listener *l = LOOP_OWNER(timer, struct listener, pause);

	loop_change(l->server->loop, &l->io, EPOLLIN);
}

/* Accept one connection. Returns 0 or -errno. */
static int accept_one(struct listener *l)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr *peer = (struct sockaddr *)&address;
	socklen_t len = sizeof(address);
	int fd = accept4(l->io.fd, peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned long count;

	if (fd < 0)
		return -errno;
	if (!peer_is_allowed(peer, len)) {
		close(fd);
		say_refused(l, peer, len);
		return 0;
	}
	if (server_add(l->server, fd) != 0 && (count = notice(&l->busy)) > 0)
		log_line("closed %lu new connection%s: %zu are being served", count,
			count == 1 ? "" : "s", l->server->count);
	return 0;
}

/* The socket is dead: end the agent, so that its starter opens a new one. */
static void give_up(struct listener *l, int err)
{
	l->error = err;
	loop_remove(l->server->loop, &l->io);
}

/*
 * One connection per pass, and only if the loop says that one is waiting. Otherwise accept(2) on a
 * vsock sleeps until the next timer tick in spite of O_NONBLOCK (Linux 6.1, vsock_accept()), and
 * all connections stall.
 */
static void listener_ready(struct loop_io *io, uint32_t events)
{
	struct listener *l = LOOP_OWNER(io, struct listener, io);
	int err = accept_one(l);

	if (err == -EAGAIN && (events & (EPOLLHUP | EPOLLERR)))
		give_up(l, -ENOTCONN);
	else if (is_final(-err))
		give_up(l, err);
	else if (err != 0 && err != -EAGAIN && !concerns_one(-err))
		make_room(l, -err);
}

int listener_start(struct listener *l, struct server *server, int fd)
{
	*l = (struct listener){ .server = server, .pause.expire = pause_over };
	/* The starter's backlog may be small. If this fails, that backlog stays. */
	listen(fd, BACKLOG);
	return loop_add(server->loop, &l->io, fd, EPOLLIN, listener_ready);
}

void listener_close(struct listener *l)
{
	int fd = l->io.fd;

	loop_timer_clear(l->server->loop, &l->pause);
	loop_remove(l->server->loop, &l->io);
	if (fd >= 0)
		close(fd);
}
