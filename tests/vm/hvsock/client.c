/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONN_EVENTS      (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
#define BACKLOG_RETRY_MS 5
#define ACCEPT_BATCH     64
#define FIRST_HOST_PORT  (1U << 30)
#define HOST_PORT_MASK   0x7fffffff

bool client_address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a->sun_path)
		return false;
	strcpy(a->sun_path, path);
	return true;
}

/* Writing to the client has failed. */
static void write_failed(struct conn *c)
{
	c->host_deaf = true;
	c->fwd = c->got;
	free(c->out);
	c->out = NULL;
	c->out_head = c->out_len = 0;
	conn_want_shutdown(c, options.quirks ? SHUT_BOTH : SHUT_RECEIVE);
}

/* Bytes sent, 0 when the socket is full, -1 on an error. */
static ssize_t send_parts(struct conn *c, struct iovec *parts, int n)
{
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	do
		sent = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN) {
		c->can_write = false;
		return 0;
	}
	return sent;
}

/* Passes on the guest's half-close, once everything from the guest is out. */
static void pass_on_eof(struct conn *c)
{
	if ((c->shut_guest & SHUT_SEND) && c->out_len == 0 && !c->host_shut_out &&
		!options.quirks) {
		shutdown(c->fd, SHUT_WR);
		c->host_shut_out = true;
	}
}

static void flush_out(struct conn *c)
{
	while (c->out_len && c->can_write) {
		uint32_t first = options.buf_bytes - c->out_head;
		bool wraps = c->out_len > first;
		struct iovec parts[2] = {
			{ c->out + c->out_head, wraps ? first : c->out_len },
			{ c->out, wraps ? c->out_len - first : 0 },
		};
		ssize_t sent = send_parts(c, parts, wraps ? 2 : 1);
		if (sent < 0) {
			write_failed(c);
			break;
		}
		if (sent == 0)
			break;
		c->out_head = (c->out_head + sent) % options.buf_bytes;
		c->out_len -= sent;
		c->fwd += sent;
	}
	if (c->out_len == 0) {
		free(c->out);
		c->out = NULL;
		c->out_head = 0;
		pass_on_eof(c);
	}
}

/* Keeps the bytes of n parts for later; there is room. False: out of memory. */
static bool keep_for_later(struct conn *c, const struct iovec *parts, int n)
{
	if (!c->out && !(c->out = malloc(options.buf_bytes)))
		return false;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = parts[i].iov_base;
		size_t left = parts[i].iov_len;
		while (left) {
			uint32_t at = (c->out_head + c->out_len) % options.buf_bytes;
			size_t k = options.buf_bytes - at < left ? options.buf_bytes - at : left;
			memcpy(c->out + at, p, k);
			c->out_len += k;
			p += k;
			left -= k;
		}
	}
	return true;
}

void client_write(struct conn *c, const struct chain *ch, size_t skip, uint32_t len)
{
	static struct iovec parts[CHAIN_MAX_IOV];
	uint32_t sent_now = 0;

	if (len > options.buf_bytes - (c->got - c->fwd)) {
		counters.credit_overrun++;
		conn_kill(c, "guest overran its credit");
		return;
	}
	counters.tx_bytes += len;
	c->got += len;
	if (c->host_deaf || (c->shut_sent & SHUT_RECEIVE)) {
		c->fwd = c->got; /* nobody to give it to */
		return;
	}
	if (c->out_len == 0 && c->can_write) {
		int n = iov_slice(parts, ch->out, ch->out_count, skip, len);
		ssize_t sent = send_parts(c, parts, n);
		if (sent < 0) {
			write_failed(c);
			return;
		}
		sent_now = sent;
		c->fwd += sent;
	}
	if (sent_now == len)
		return;
	int n = iov_slice(parts, ch->out, ch->out_count, skip + sent_now, len - sent_now);
	if (!keep_for_later(c, parts, n))
		conn_kill(c, "out of memory");
	else
		flush_out(c); /* a short first write may still have left room */
}

uint32_t client_read(struct conn *c, const struct chain *ch, size_t skip, size_t max)
{
	static struct iovec parts[CHAIN_MAX_IOV];
	int n = iov_slice(parts, ch->in, ch->in_count, skip, max);
	ssize_t got;

	do
		got = readv(c->fd, parts, n);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	if (got < 0 && errno == EAGAIN) {
		c->can_read = false;
	} else if (got < 0) { /* ECONNRESET: closed with data unread */
		conn_kill(c, strerror(errno));
	} else {
		/* The end of the client's data: did it half-close, or is it gone? */
		struct pollfd pf = { .fd = c->fd };
		c->host_eof = true;
		if (poll(&pf, 1, 0) > 0 && (pf.revents & (POLLHUP | POLLERR)))
			c->hup = true;
		conn_want_shutdown(c, c->hup || options.quirks ? SHUT_BOTH : SHUT_SEND);
	}
	return 0;
}

bool client_say_ok(struct conn *c)
{
	char ok[32];
	int n = snprintf(ok, sizeof ok, "OK %" PRIu32 "\n", c->host_port);

	if (send(c->fd, ok, n, MSG_DONTWAIT | MSG_NOSIGNAL) == n)
		return true;
	conn_kill(c, "client gone before OK");
	return false;
}

void client_guest_shutdown(struct conn *c)
{
	pass_on_eof(c);
	if ((c->shut_guest & SHUT_RECEIVE) && !options.quirks)
		shutdown(c->fd, SHUT_RD);
	if (c->shut_guest == SHUT_BOTH && c->out_len)
		conn_set_deadline(c, options.linger_ms);
}

void client_call(struct conn *c)
{
	char path[256];
	struct sockaddr_un a;
	int fd = -1;

	snprintf(path, sizeof path, "%s_%" PRIu32, options.uds_path, c->host_port);
	if (client_address(&a, path))
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		counters.refused++;
		conn_kill(c, "no socket for the host side");
		return;
	}
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		int error = errno;
		close(fd);
		if (error == EAGAIN && clock_now_ms() < c->give_up_ms) { /* the backlog is full */
			conn_set_deadline(c, BACKLOG_RETRY_MS);
			return;
		}
		log_say(2, "guest %u -> host %u: %s", c->guest_port, c->host_port, strerror(error));
		counters.refused++;
		conn_kill(c, "host side refused");
		return;
	}
	c->fd = fd;
	c->state = CONN_ESTABLISHED;
	c->deadline_ms = 0;
	c->pending |= PENDING_RESPONSE;
	if (!watch_add(fd, &c->watch, CONN_EVENTS)) {
		conn_kill(c, "epoll");
		return;
	}
	counters.opened++;
	log_say(2, "guest %u -> host %u: connected", c->guest_port, c->host_port);
	conn_update(c);
}

/* Parses "CONNECT <port>", in any case, as Firecracker does. */
static bool parse_connect(const char *text, uint32_t *port)
{
	uint64_t value = 0;

	if (strncasecmp(text, "connect", 7) != 0 || !isspace((unsigned char)text[7]))
		return false;
	for (text += 7; isspace((unsigned char)*text); text++)
		;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		value = value * 10 + (*text - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*port = value;
	return !*text || isspace((unsigned char)*text);
}

/*
 * Reads the CONNECT line, which may come in pieces, and nothing after it. Returns 1 when it is
 * complete, 0 when more must come, -1 when it never will.
 */
static int read_line(struct conn *c)
{
	for (;;) {
		char *p = c->command + c->command_len;
		size_t room = sizeof c->command - c->command_len;
		if (room == 0)
			return -1;
		ssize_t got = recv(c->fd, p, room, MSG_PEEK | MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0)
			return -1;
		char *newline = memchr(p, '\n', got);
		ssize_t used = newline ? newline - p + 1 : got;
		if (recv(c->fd, p, used, MSG_DONTWAIT) != used)
			return -1;
		c->command_len += used;
		if (newline) {
			*newline = '\0';
			return 1;
		}
	}
}

static void read_command(struct conn *c)
{
	static uint32_t last_host_port = FIRST_HOST_PORT - 1;
	int r = read_line(c);

	if (r == 0)
		return;
	if (r < 0 || !parse_connect(c->command, &c->guest_port)) {
		log_say(1, "client: no CONNECT line");
		conn_destroy(c);
		return;
	}
	if (conn_limit_reached()) {
		log_say(1, "client refused: %u connections are open", options.max_conns);
		counters.refused++;
		conn_destroy(c);
		return;
	}
	do
		last_host_port = ((last_host_port + 1) & HOST_PORT_MASK) | FIRST_HOST_PORT;
	while (conn_lookup(last_host_port, c->guest_port));
	c->host_port = last_host_port;
	conn_register(c);
	c->state = CONN_REQUESTED;
	c->pending = PENDING_REQUEST;
	log_say(2, "host %u -> guest %u: request", c->host_port, c->guest_port);
	conn_update(c);
}

void client_accept(int listener)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) { /* level-triggered: the rest comes later */
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
				log_say(0, "accept: %s", strerror(errno));
				usleep(10000); /* rare; rather than spin */
			}
			return;
		}
		struct conn *c = conn_new(fd, CONN_COMMAND);
		if (!c)
			close(fd);
		else if (!watch_add(
				 fd, &c->watch, CONN_EVENTS)) /* this reports what is there now */
			conn_destroy(c);
	}
}

void client_event(struct conn *c, uint32_t events)
{
	if (c->state == CONN_DEAD)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->can_read = true;
	if (events & (EPOLLHUP | EPOLLERR))
		c->hup = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->can_write = true;
	if (c->state == CONN_COMMAND) {
		read_command(c);
	} else if (c->state == CONN_REQUESTED && c->hup) {
		if (c->pending & PENDING_REQUEST)
			conn_destroy(c); /* the guest never heard of it */
		else
			conn_kill(c, "client gave up");
	} else if (c->state == CONN_ESTABLISHED) {
		if (c->can_write && c->out_len)
			flush_out(c);
		conn_update(c);
	}
}

void client_expired(struct conn *c)
{
	if (c->state == CONN_HOST_WAIT)
		client_call(c);
	else if (c->state == CONN_REQUESTED)
		conn_kill(c, "no answer from the guest");
	else
		conn_kill(c, "shutdown timeout");
}
