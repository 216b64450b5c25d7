/* SPDX-License-Identifier: MIT */
/* forward: connects ports or Unix sockets of this machine to TCP ports of the guest's loopback. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/relay.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG           256
#define CONNECTIONS_MAX   1024
#define HALF_CLOSE_TRIALS 3
#define NO_MORE_MS        100

enum { CLIENT, GUEST }; /* the relay's ends */

struct forwarder {
	const struct options *o;
	struct reach reach;
	struct loop loop;
	struct loop_io signals;
	struct listener_spec *listeners;
	size_t connections;
	bool half_closes; /* the VMM passes on this side's half-close */
	bool is_over;
};

/* One word of the command line: [BIND:]PORT:GUESTPORT. */
struct listener_spec {
	struct forwarder *forwarder;
	const char *word;
	char address[108]; /* address as shown; or the path of a Unix socket */
	struct sockaddr_storage bind;
	socklen_t bind_len;
	bool is_unix, is_bound;
	uint16_t guest_port;
	uint32_t vsock_port;
	struct loop_io io;
	struct loop_timer pause;
};

struct joined {
	struct listener_spec *listener;
	struct exchange dial;
	struct target to;
	int client; /* until the relay owns it; -1 */
	struct relay relay;
	struct loop_timer timer;
};

/* ---- words ----------------------------------------------------------------------------------- */

static bool parse_port(const char *text, size_t len, uint64_t *port)
{
	char digits[8];

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return number_parse(digits, UINT16_MAX, port) == 0;
}

static bool parse_address(struct listener_spec *l, const char *text, size_t len, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	char address[INET6_ADDRSTRLEN];

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	memcpy(l->address, address, len + 1); /* as it is shown, IPv6 */
	if (inet_pton(AF_INET, strcmp(address, "localhost") == 0 ? "127.0.0.1" : address,
		    &in.sin_addr) == 1) {
		memcpy(&l->bind, &in, sizeof(in));
		l->bind_len = sizeof(in);
		return true;
	}
	memcpy(&l->bind, &in6, sizeof(in6));
	l->bind_len = sizeof(in6);
	return inet_pton(AF_INET6, address,
		       (char *)&l->bind + offsetof(struct sockaddr_in6, sin6_addr)) == 1;
}

static bool parse_unix(struct listener_spec *l, const char *path, size_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (len == 0 || len >= sizeof(un.sun_path))
		return false;
	memcpy(un.sun_path, path, len);
	memcpy(&l->bind, &un, sizeof(un));
	l->bind_len = sizeof(un);
	l->is_unix = true;
	memcpy(l->address, path, len);
	return true;
}

/* "8080:80", "0.0.0.0:8080:80", "[::1]:8080:80", "/run/web.sock:80". */
static bool parse_word(struct listener_spec *l)
{
	const char *last = strrchr(l->word, ':'), *port = last;
	uint64_t guest = 0, local = 0;

	if (last == NULL || !parse_port(last + 1, strlen(last + 1), &guest) || guest == 0)
		return false;
	l->guest_port = (uint16_t)guest;
	if (memchr(l->word, '/', (size_t)(last - l->word)) != NULL)
		return parse_unix(l, l->word, (size_t)(last - l->word));
	while (port > l->word && port[-1] != ':')
		port--;
	if (!parse_port(port, (size_t)(last - port), &local))
		return false;
	if (port == l->word)
		return parse_address(l, "127.0.0.1", 9, (uint16_t)local);
	return parse_address(l, l->word, (size_t)(port - 1 - l->word), (uint16_t)local);
}

/* ---- one connection -------------------------------------------------------------------------- */

static void joined_free(struct joined *j)
{
	struct forwarder *f = j->listener->forwarder;

	loop_timer_clear(&f->loop, &j->timer);
	exchange_free(&j->dial);
	relay_close(&j->relay);
	if (j->client >= 0)
		close(j->client);
	f->connections--;
	free(j);
}

static void joined_expired(struct loop_timer *timer)
{
	joined_free(LOOP_OWNER(timer, struct joined, timer));
}

/* Free from the loop, because the caller still uses the struct. */
static void relay_over(struct relay *r)
{
	struct joined *j = LOOP_OWNER(r, struct joined, relay);

	relay_close(r);
	loop_timer_set(&j->listener->forwarder->loop, &j->timer, 0);
}

/* If the VMM turns a half-close into a full close, the answer would be lost: do not half-close. */
static void relay_ended(struct relay *r, int from)
{
	struct joined *j = LOOP_OWNER(r, struct joined, relay);

	if (from == GUEST || j->listener->forwarder->half_closes)
		shutdown(r->ends[1 - from].fd, SHUT_WR);
}

static void dialled(struct exchange *x)
{
	struct joined *j = x->owner;
	int client = j->client;

	if (x->failure.kind != FAILURE_NONE) {
		output_error(&j->listener->forwarder->o->targets[0], &x->failure);
		joined_free(j);
		return;
	}
	j->client = -1;
	if (relay_start(&j->relay, x->loop, client, x->raw_fd) != 0)
		joined_free(j);
}

static void no_more_over(struct loop_timer *timer)
{
	struct listener_spec *l = LOOP_OWNER(timer, struct listener_spec, pause);

	loop_change(&l->forwarder->loop, &l->io, EPOLLIN);
}

static void listener_ready(struct loop_io *io, uint32_t events)
{
	struct listener_spec *l = LOOP_OWNER(io, struct listener_spec, io);
	struct forwarder *f = l->forwarder;
	int fd = f->connections < CONNECTIONS_MAX
			 ? accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)
			 : -1;
	struct joined *j;

	(void)events;
	if (fd < 0) {
		/* Too many connections, or no descriptor: let them wait in the backlog for a
		 * moment. */
		loop_change(&f->loop, io, 0);
		loop_timer_set(&f->loop, &l->pause, clock_ms() + NO_MORE_MS);
		return;
	}
	j = memory_must(calloc(1, sizeof(*j)));
	j->listener = l;
	j->client = fd;
	j->timer.expire = joined_expired;
	j->relay = (struct relay){ .over = relay_over, .ended = relay_ended };
	f->connections++;
	reach_prepare_raw(&f->reach, &j->dial, &f->loop, &j->to, l->vsock_port);
	j->dial.done = dialled;
	j->dial.owner = j;
	exchange_start(&j->dial);
}

/* ---- listening ------------------------------------------------------------------------------- */

/* Remove a socket that a dead program left behind. */
static void remove_stale(const struct listener_spec *l)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && lstat(l->address, &st) == 0 && S_ISSOCK(st.st_mode) &&
		connect(fd, (const struct sockaddr *)&l->bind, l->bind_len) != 0 &&
		errno == ECONNREFUSED)
		unlink(l->address);
	if (fd >= 0)
		close(fd);
}

static void name_address(struct listener_spec *l, int fd)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const unsigned char *byte = (const unsigned char *)&in.sin_addr;
	char text[INET6_ADDRSTRLEN];

	if (l->is_unix || getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
		return;
	if (bound.ss_family == AF_INET) {
		memcpy(&in, &bound, sizeof(in));
		buf_format(l->address, sizeof(l->address), "%u.%u.%u.%u:%u", byte[0], byte[1],
			byte[2], byte[3], ntohs(in.sin_port));
	} else {
		memcpy(&in6, &bound, sizeof(in6));
		buf_format(text, sizeof(text), "%s", l->address);
		buf_format(l->address, sizeof(l->address), "[%s]:%u", text, ntohs(in6.sin6_port));
	}
}

static bool listen_at(struct listener_spec *l)
{
	int one = 1;
	int fd = socket(l->bind.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (l->is_unix)
		remove_stale(l);
	else if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&l->bind, l->bind_len) != 0 ||
		listen(fd, BACKLOG) != 0 ||
		loop_add(&l->forwarder->loop, &l->io, fd, EPOLLIN, listener_ready) != 0) {
		out_printf(stderr, "mvm-probe: %s: cannot listen: %s\n", l->word,
			problem_errno_text(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	l->is_bound = true;
	l->pause.expire = no_more_over;
	name_address(l, fd);
	return true;
}

/* ---- the guest's side ------------------------------------------------------------------------ */

static bool start_forward(struct listener_spec *l)
{
	struct forwarder *f = l->forwarder;
	struct port_forward_request request = { .guest_port = l->guest_port };
	struct failure failure;
	struct shape shape;
	const json_t *body;
	uint64_t port = 0;
	json_t *root = reach_ask(&f->reach, REQUEST_START_PORT_FORWARD, &request, &body, &failure);

	if (root != NULL) {
		if (shape_open(&shape, body, message_name(ANSWER_PORT_FORWARD_STARTED), &failure))
			shape_number(&shape, "vsock_port", SHAPE_REQUIRED, &port);
		json_decref(root);
	}
	l->vsock_port = (uint32_t)port;
	if (failure.kind != FAILURE_NONE)
		output_error(&f->o->targets[0], &failure);
	return failure.kind == FAILURE_NONE;
}

/*
 * True if the VMM passes on a half-close. Firecracker turns it into a full close. To find out,
 * half-close after a request: the answer arrives only if the connection stays open.
 */
static bool try_half_close(const struct reach *r)
{
	char *body = output_request(REQUEST_PING, NULL);
	char ping[64];
	size_t len = PROTOCOL_HEADER_BYTES + strlen(body);
	struct pollfd p = { .events = POLLIN };
	struct exchange x;
	struct target to;
	char byte;
	bool answered;

	if (r->target.path == NULL) {
		free(body);
		return true;
	}
	reach_prepare_raw(r, &x, NULL, &to, r->target.port);
	if (!reach_run(&x)) {
		free(body);
		return false;
	}
	p.fd = x.raw_fd;
	protocol_header_encode((uint32_t)strlen(body), (unsigned char *)ping);
	memcpy(ping + PROTOCOL_HEADER_BYTES, body, len - PROTOCOL_HEADER_BYTES);
	answered = send(p.fd, ping, len, MSG_NOSIGNAL) == (ssize_t)len &&
		   shutdown(p.fd, SHUT_WR) == 0 && poll(&p, 1, (int)r->timeout_ms) == 1 &&
		   recv(p.fd, &byte, 1, 0) == 1;
	close(p.fd);
	free(body);
	return answered;
}

static void find_half_close(struct forwarder *f)
{
	f->half_closes = true;
	for (int i = 0; i < HALF_CLOSE_TRIALS && f->half_closes; i++)
		f->half_closes = try_half_close(&f->reach);
}

static void signal_came(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct forwarder, signals)->is_over = true;
}

static bool prepare(struct forwarder *f)
{
	const struct options *o = f->o;
	struct failure failure;
	sigset_t set;

	if (!reach_find(&f->reach, &o->targets[0], NULL, o->timeout_ms, &failure)) {
		output_error(&o->targets[0], &failure);
		return false;
	}
	for (size_t i = 0; i < o->name_count; i++)
		if (!start_forward(&f->listeners[i]))
			return false;
	find_half_close(f);
	for (size_t i = 0; i < o->name_count; i++)
		if (!listen_at(&f->listeners[i]))
			return false;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (loop_add_signals(&f->loop, &f->signals, &set, signal_came) != 0)
		return false;
	for (size_t i = 0; i < o->name_count; i++)
		out_printf(stdout, "%s -> %s port %u\n", f->listeners[i].address,
			o->targets[0].name, f->listeners[i].guest_port);
	return output_flush();
}

int verb_forward(const struct options *o)
{
	struct forwarder f = { .o = o,
		.listeners = memory_must(calloc(o->name_count, sizeof(*f.listeners))) };
	bool good = true;

	for (size_t i = 0; i < o->name_count; i++) {
		struct listener_spec *l = &f.listeners[i];

		*l = (struct listener_spec){ .forwarder = &f, .word = o->names[i], .io.fd = -1 };
		if (!parse_word(l)) {
			out_printf(stderr,
				"mvm-probe: '%s' is not a port to forward, such as 8080:80, "
				"0.0.0.0:8080:80 or /run/web.sock:80\n",
				l->word);
			free(f.listeners);
			return EXIT_USAGE;
		}
	}
	file_raise_limit(RLIM_INFINITY);
	good = loop_init(&f.loop) == 0 && prepare(&f);
	while (good && !f.is_over && loop_run_once(&f.loop) == 0)
		;
	for (size_t i = 0; i < o->name_count; i++)
		if (f.listeners[i].is_unix && f.listeners[i].is_bound)
			unlink(f.listeners[i].address);
	free(f.listeners);
	return good ? EXIT_HEALTHY : EXIT_NO_ANSWER;
}
