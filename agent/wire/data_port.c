/* SPDX-License-Identifier: MIT */
#include "agent/wire/data_port.h"

#include "agent/wire/listener.h"
#include "agent/wire/peer.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 100 /* after accept(2) lacked descriptors or memory */

static void pause_over(struct loop_timer *timer)
{
	struct data_port *d = LOOP_OWNER(timer, struct data_port, pause);

	loop_change(d->loop, &d->io, EPOLLIN);
}

/* One connection per pass, for the reason given in listener.c. */
static void port_ready(struct loop_io *io, uint32_t events)
{
	struct data_port *d = LOOP_OWNER(io, struct data_port, io);
	struct sockaddr_storage address = { 0 };
	struct sockaddr *peer = (struct sockaddr *)&address;
	socklen_t len = sizeof(address);
	int fd = accept4(io->fd, peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
		loop_change(d->loop, &d->io, 0);
		loop_timer_set(d->loop, &d->pause, clock_ms() + PAUSE_MS);
	}
	if (fd < 0)
		return;
	if (peer_is_allowed(peer, len)) {
		d->accepted(d, fd);
		return;
	}
	close(fd);
	log_line("vsock port %u: refused a connection not made by the host", d->port);
}

int data_port_adopt(struct data_port *d, struct loop *loop, int fd)
{
	d->loop = loop;
	d->pause.expire = pause_over;
	return loop_add(loop, &d->io, fd, EPOLLIN, port_ready);
}

int data_port_open(struct data_port *d, struct loop *loop, uint32_t port, struct problem *p)
{
	int fd = listener_bind(port, p), err;

	if (fd < 0)
		return fd;
	d->port = port;
	err = data_port_adopt(d, loop, fd);
	if (err == 0)
		return 0;
	close(fd);
	return problem_set(p, -err, "vsock port %u", port);
}

void data_port_close(struct data_port *d)
{
	int fd = d->io.fd;

	if (d->loop == NULL)
		return;
	loop_timer_clear(d->loop, &d->pause);
	loop_remove(d->loop, &d->io);
	close(fd);
	d->loop = NULL;
}
