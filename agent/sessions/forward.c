/* SPDX-License-Identifier: MIT */
#include "agent/sessions/forward.h"

#include "agent/requests/guest_policy.h"
#include "agent/sessions/tcp_peer.h"
#include "agent/wire/data_port.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_FIRST      10000 /* plus the TCP port */
#define NOTICE_EVERY_MS 10000 /* between log lines about too many connections */

enum { HOST, SERVICE }; /* the relay's ends */

struct forwarded;

struct forward {
	struct forward *next;
	struct agent *agent;
	uint16_t guest_port;
	struct data_port port;
	struct forwarded *all;
	uint64_t quiet_until_ms; /* too many connections are not logged before this */
};

/* One forwarded connection. */
struct forwarded {
	struct forward *forward;
	struct forwarded *next, *previous;
	struct relay relay;
	struct loop_io connecting; /* the TCP socket, while connecting */
	struct loop_timer timer;
	int host_fd;        /* until the relay owns it; -1 */
	unsigned int tried; /* number of loopback addresses tried */
};

/* ---- one connection -------------------------------------------------------------------------- */

static void forwarded_free(struct forwarded *w)
{
	struct forward *f = w->forward;
	int tcp = w->connecting.fd;

	*(w->previous != NULL ? &w->previous->next : &f->all) = w->next;
	if (w->next != NULL)
		w->next->previous = w->previous;
	loop_timer_clear(&f->agent->loop, &w->timer);
	loop_remove(&f->agent->loop, &w->connecting);
	if (tcp >= 0)
		close(tcp);
	if (w->host_fd >= 0)
		close(w->host_fd);
	relay_close(&w->relay);
	f->agent->forwarded--;
	free(w);
}

/* Free later, because the caller still uses the struct. */
static void free_soon(struct forwarded *w)
{
	relay_close(&w->relay);
	loop_timer_set(&w->forward->agent->loop, &w->timer, clock_ms());
}

static void relay_over(struct relay *r)
{
	free_soon(LOOP_OWNER(r, struct forwarded, relay));
}

/*
 * A half-close is passed on. But VMMs such as Firecracker do not pass the guest's half-close to the
 * host, which would then wait for ever. So if the service has closed its socket altogether, close
 * the connection.
 */
static void relay_ended(struct relay *r, int from)
{
	if (from == SERVICE && tcp_peer_is_closed(r->ends[SERVICE].fd)) {
		relay_over(r);
		return;
	}
	shutdown(r->ends[1 - from].fd, SHUT_WR);
}

static void try_to_connect(struct forwarded *w);

static void connected(struct loop_io *io, uint32_t events)
{
	struct forwarded *w = LOOP_OWNER(io, struct forwarded, connecting);
	struct agent *a = w->forward->agent;
	int tcp = io->fd, error = 0, host = w->host_fd;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(tcp, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	loop_remove(&a->loop, io);
	if (error != 0) {
		close(tcp);
		try_to_connect(w);
		return;
	}
	loop_timer_clear(&a->loop, &w->timer);
	w->host_fd = -1;
	if (relay_start(&w->relay, &a->loop, host, tcp) != 0)
		forwarded_free(w);
}

/* Returns the socket, connected or still connecting, or -errno. */
static int connect_loopback(uint16_t port, bool is_v6)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct sockaddr *address =
		is_v6 ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, is_v6 ? sizeof(in6) : sizeof(in)) == 0 || errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Try 127.0.0.1, then ::1. If nothing listens on either, close the host's connection. */
static void try_to_connect(struct forwarded *w)
{
	struct loop *loop = &w->forward->agent->loop;
	int fd = -1;

	while (fd < 0 && w->tried < 2)
		fd = connect_loopback(w->forward->guest_port, w->tried++ == 1);
	if (fd >= 0 && loop_add(loop, &w->connecting, fd, EPOLLOUT, connected) == 0)
		return;
	if (fd >= 0)
		close(fd);
	forwarded_free(w);
}

static void forwarded_expired(struct loop_timer *timer)
{
	forwarded_free(LOOP_OWNER(timer, struct forwarded, timer));
}

static void refuse_more(struct forward *f, int fd)
{
	close(fd);
	if (clock_ms() < f->quiet_until_ms)
		return;
	f->quiet_until_ms = clock_ms() + NOTICE_EVERY_MS;
	log_line("port %u: closed a new connection: %zu are forwarded", f->guest_port,
		f->agent->forwarded);
}

static void port_accepted(struct data_port *d, int fd)
{
	struct forward *f = LOOP_OWNER(d, struct forward, port);
	struct forwarded *w = f->agent->forwarded < FORWARDED_MAX ? calloc(1, sizeof(*w)) : NULL;

	if (w == NULL) {
		refuse_more(f, fd);
		return;
	}
	w->forward = f;
	w->host_fd = fd;
	w->connecting.fd = -1;
	w->timer.expire = forwarded_expired;
	w->relay = (struct relay){ .over = relay_over, .ended = relay_ended };
	w->next = f->all;
	if (w->next != NULL)
		w->next->previous = w;
	f->all = w;
	f->agent->forwarded++;
	loop_timer_set(&f->agent->loop, &w->timer, clock_ms() + FORWARD_CONNECT_MS);
	try_to_connect(w);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static void forward_free(struct forward *f)
{
	struct forward **link = &f->agent->forwards;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	while (f->all != NULL)
		forwarded_free(f->all);
	data_port_close(&f->port);
	free(f);
}

/* Open the forward of this port, if it is not open yet. Returns 0 or -errno with `p`. */
static int forward_open(struct agent *a, uint16_t guest_port, struct problem *p)
{
	struct forward *f = a->forwards;
	size_t count = 0;
	int err;

	for (; f != NULL; f = f->next, count++)
		if (f->guest_port == guest_port)
			return 0;
	if (count >= FORWARDS_MAX)
		return problem_set_text(p, EBUSY, "%zu ports are forwarded already", count);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return problem_set(p, ENOMEM, "port forward");
	*f = (struct forward){ .agent = a,
		.guest_port = guest_port,
		.port = { .io.fd = -1, .accepted = port_accepted },
		.next = a->forwards };
	a->forwards = f;
	err = data_port_open(&f->port, &a->loop, PORT_FIRST + (uint32_t)guest_port, p);
	if (err != 0)
		forward_free(f);
	else
		log_line("port %u is forwarded from vsock port %u", guest_port,
			PORT_FIRST + guest_port);
	return err;
}

static int check_port(const struct agent *a, uint16_t port, struct problem *p)
{
	struct policy policy;

	if (port == 0)
		return problem_set_text(p, EINVAL, "port 0 is not a port");
	guest_policy_read(a, &policy);
	if (!policy_allows_port(&policy, port))
		return problem_set_text(
			p, EACCES, "port %u is not in access.forward_ports of the policy", port);
	return 0;
}

static void write_started(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_PORT_FORWARD_STARTED, arg);
}

void forward_requested(struct agent *a, struct connection *c, struct request *r)
{
	uint16_t port = (uint16_t)r->body.port_forward.guest_port;
	struct problem p;
	char text[PROBLEM_TEXT_MAX + 32];

	if (check_port(a, port, &p) == 0 && forward_open(a, port, &p) == 0) {
		connection_reply(c, write_started,
			&(struct port_forward_started){
				.guest_port = port, .vsock_port = PORT_FIRST + (uint32_t)port });
		return;
	}
	buf_format(text, sizeof(text), "port forward failed: %s", p.text);
	log_line("%s", text);
	connection_error(c, text, false);
}

void forwards_close(struct agent *a)
{
	while (a->forwards != NULL)
		forward_free(a->forwards);
}
