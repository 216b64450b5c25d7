/* SPDX-License-Identifier: MIT */
#include "agent/wire/connection.h"

#include "base/clock.h"
#include "protocol/messages.h"
#include "protocol/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL_REPLY       2048 /* replies up to this need no allocation */
#define ERROR_MESSAGE_MAX 1024
#define RAW_SILENCE_MS    300 /* silence after which a connection may carry plain bytes */

const struct server_limits server_default_limits = {
	.connections = 600,
	.first_ms = 30000,
	.request_ms = 30000,
	.idle_ms = 5000,
	.write_ms = 10000,
	.linger_ms = 2000,
};

/* ---- the list of connections, oldest activity first ------------------------------------------ */

static void list_remove(struct connection *c)
{
	struct server *s = c->server;

	*(c->older != NULL ? &c->older->newer : &s->oldest) = c->newer;
	*(c->newer != NULL ? &c->newer->older : &s->newest) = c->older;
	c->older = c->newer = NULL;
}

static void list_append(struct connection *c)
{
	struct server *s = c->server;

	c->older = s->newest;
	*(s->newest != NULL ? &s->newest->newer : &s->oldest) = c;
	s->newest = c;
}

/* ---- deadlines and events -------------------------------------------------------------------- */

static void set_timer(struct connection *c, enum connection_timer timer_for, uint64_t ms)
{
	c->timer_for = timer_for;
	loop_timer_set(c->server->loop, &c->timer, loop_ms(c->server->loop) + ms);
}

static void clear_timer(struct connection *c)
{
	c->timer_for = CONNECTION_TIMER_NONE;
	loop_timer_clear(c->server->loop, &c->timer);
}

static bool is_raw_wanted(const struct connection *c)
{
	const struct server *s = c->server;

	return s->wants_raw != NULL && !c->served && s->wants_raw(s->owner);
}

/* Another byte of a request does not extend its deadline. */
static void set_read_timer(struct connection *c)
{
	const struct server_limits *l = &c->server->limits;
	enum connection_timer timer_for = CONNECTION_TIMER_FIRST;
	uint64_t ms = is_raw_wanted(c) ? RAW_SILENCE_MS : l->first_ms;

	if (frame_begun(&c->in)) {
		timer_for = CONNECTION_TIMER_REQUEST;
		ms = l->request_ms;
	} else if (c->served) {
		timer_for = CONNECTION_TIMER_IDLE;
		ms = l->idle_ms;
	}
	if (c->timer_for != timer_for)
		set_timer(c, timer_for, ms);
}

static void wait_for(struct connection *c, uint32_t events)
{
	if (c->events == events)
		return;
	c->events = events;
	if (loop_change(c->server->loop, &c->io, events) != 0)
		c->state = CONNECTION_CLOSED;
}

static void connection_free(struct connection *c)
{
	int fd = c->io.fd;

	clear_timer(c);
	loop_remove(c->server->loop, &c->io);
	close(fd);
	list_remove(c);
	c->server->count--;
	frame_reader_free(&c->in);
	free(c->out);
	free(c);
}

/* ---- replies --------------------------------------------------------------------------------- */

/* Send `len` bytes of the reply, or part of them. Returns how many the socket took. */
static size_t send_some(struct connection *c, const char *bytes, size_t len)
{
	ssize_t n = send(c->io.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->state = CONNECTION_CLOSED; /* the peer is gone: normal */
	return n < 0 ? 0 : (size_t)n;
}

size_t connection_backlog(const struct connection *c)
{
	return c->out_len - c->out_at;
}

/* Keep bytes until the socket takes them. */
static void keep(struct connection *c, const char *bytes, size_t len)
{
	size_t waiting = connection_backlog(c);
	char *out;

	if (waiting > 0)
		memmove(c->out, c->out + c->out_at, waiting);
	else
		set_timer(c, CONNECTION_TIMER_WRITE, c->server->limits.write_ms);
	out = realloc(c->out, waiting + len);
	if (out == NULL) {
		c->state = CONNECTION_CLOSED;
		return;
	}
	memcpy(out + waiting, bytes, len);
	c->out = out;
	c->out_len = waiting + len;
	c->out_at = 0;
}

static void send_or_keep(struct connection *c, const char *bytes, size_t len)
{
	size_t sent = connection_backlog(c) == 0 ? send_some(c, bytes, len) : 0;

	if (c->state != CONNECTION_CLOSED && sent < len)
		keep(c, bytes + sent, len - sent);
}

static void send_reply(struct connection *c, const char *bytes, size_t len)
{
	c->gone = c->drained = NULL;
	c->state = CONNECTION_REPLIED;
	send_or_keep(c, bytes, len);
	if (c->state != CONNECTION_CLOSED && connection_backlog(c) > 0)
		c->state = CONNECTION_WRITING;
}

/* Send more of what was kept. */
static void write_more(struct connection *c)
{
	size_t sent = send_some(c, c->out + c->out_at, c->out_len - c->out_at);

	if (sent == 0)
		return;
	c->out_at += sent;
	if (c->out_at < c->out_len) {
		set_timer(c, CONNECTION_TIMER_WRITE, c->server->limits.write_ms);
		return;
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_at = 0;
	clear_timer(c);
	if (c->state == CONNECTION_WRITING)
		c->state = CONNECTION_REPLIED;
	else if (c->drained != NULL)
		c->drained(c);
}

/* Encode into `b`, after room for the header. False if the reply does not fit. */
static bool encode(struct buf *b, void (*write)(struct buf *b, const void *arg), const void *arg)
{
	buf_clear(b);
	buf_put(b, "\0\0\0", PROTOCOL_HEADER_BYTES);
	write(b, arg);
	return !b->cut;
}

static void advance(struct connection *c);

/* Encode a frame and pass it to `send`. */
static void with_frame(struct connection *c, void (*write)(struct buf *b, const void *arg),
	const void *arg, void (*send)(struct connection *c, const char *bytes, size_t len))
{
	char small[SMALL_REPLY];
	struct buf b = BUF_OVER(small);
	char *big = NULL;

	if (!encode(&b, write, arg)) {
		big = malloc(PROTOCOL_HEADER_BYTES + PROTOCOL_BODY_MAX + 1);
		if (big != NULL)
			buf_init(&b, big, PROTOCOL_HEADER_BYTES + PROTOCOL_BODY_MAX + 1);
		if (big == NULL)
			encode(&b, connection_write_error, "out of memory");
		else if (!encode(&b, write, arg))
			encode(&b, connection_write_error, "the reply is too long for a frame");
	}
	protocol_header_encode((uint32_t)(b.len - PROTOCOL_HEADER_BYTES), (unsigned char *)b.data);
	send(c, b.data, b.len);
	free(big);
}

void connection_reply(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg)
{
	with_frame(c, write, arg, send_reply);
	if (!c->advancing)
		advance(c);
}

bool connection_send(
	struct connection *c, void (*write)(struct buf *b, const void *arg), const void *arg)
{
	bool open;

	with_frame(c, write, arg, send_or_keep);
	open = c->state != CONNECTION_CLOSED;
	if (!open)
		c->gone = c->drained = NULL;
	if (!c->advancing)
		advance(c);
	return open;
}

void connection_write_error(struct buf *b, const void *arg)
{
	const char *message = arg;
	char clean[ERROR_MESSAGE_MAX];
	struct buf text = BUF_OVER(clean);

	utf8_put_lossy(&text, message, strlen(message));
	message_encode(b, ANSWER_ERROR, &(struct error_answer){ .message = text.data });
}

void connection_error(struct connection *c, const char *message, bool last)
{
	c->last = c->last || last;
	connection_reply(c, connection_write_error, message);
}

/* ---- the life of a connection ---------------------------------------------------------------- */

static void refuse_long_frame(struct connection *c, size_t len)
{
	char text[96];

	buf_format(text, sizeof(text), "a frame of %zu bytes is too long; the limit is %d", len,
		len <= PROTOCOL_REQUEST_MAX || !c->in.takes_large ? PROTOCOL_BODY_MAX
								  : PROTOCOL_REQUEST_MAX);
	connection_error(c, text, true);
}

/*
 * Take the next request, or wait for it. Few requests can be buffered: a read gets the rest of one
 * frame, or at most FRAME_SMALL bytes.
 */
static void next_request(struct connection *c)
{
	const char *body;
	size_t len;
	int got = frame_next(&c->in, &body, &len);

	if (got == 0 && c->peer_done) {
		c->state = CONNECTION_CLOSED;
	} else if (got == 0) {
		set_read_timer(c);
		wait_for(c, EPOLLIN);
	} else if (got < 0) {
		refuse_long_frame(c, len);
	} else {
		c->state = CONNECTION_HANDLING;
		clear_timer(c);
		list_remove(c);
		list_append(c);
		c->server->requests++;
		c->server->request(c, body, len);
		frame_consume(&c->in);
	}
}

/* After a reply: read the next request, or linger until the peer closes. */
static void after_reply(struct connection *c)
{
	clear_timer(c);
	c->served = true;
	c->state = CONNECTION_READING;
	if (!c->last)
		return;
	c->state = CONNECTION_LINGERING;
	if (c->peer_done || shutdown(c->io.fd, SHUT_WR) != 0)
		c->state = CONNECTION_CLOSED;
	else
		set_timer(c, CONNECTION_TIMER_LINGER, c->server->limits.linger_ms);
}

/* One step of a state. */
static void step(struct connection *c)
{
	switch (c->state) {
	case CONNECTION_READING:
		next_request(c);
		break;
	case CONNECTION_HANDLING:
		/*
		 * Early requests must not wake the loop. The peer's end must, but only once. While
		 * there is a backlog, sending shows the peer's end.
		 */
		wait_for(c, connection_backlog(c) > 0 ? EPOLLOUT : EPOLLRDHUP | EPOLLET);
		break;
	case CONNECTION_WRITING:
		wait_for(c, EPOLLOUT);
		break;
	case CONNECTION_REPLIED:
		after_reply(c);
		break;
	case CONNECTION_LINGERING:
		wait_for(c, EPOLLIN);
		break;
	case CONNECTION_CLOSED:
		break;
	}
}

/* Run until the connection must wait or is closed. Only this function frees it. */
static void advance(struct connection *c)
{
	enum connection_state before;

	c->advancing = true;
	do {
		before = c->state;
		step(c);
	} while (c->state != before);
	c->advancing = false;
	if (c->state == CONNECTION_CLOSED)
		connection_free(c);
}

/* The connection carries plain bytes: pass its descriptor and the received bytes to raw(). */
static void give_away(struct connection *c)
{
	struct server *s = c->server;
	struct frame_reader in = c->in;
	int fd = c->io.fd;

	clear_timer(c);
	loop_remove(s->loop, &c->io);
	list_remove(c);
	s->count--;
	s->raw(s->owner, fd, c->in.data, in.len);
	frame_reader_free(&c->in);
	free(c);
}

static void read_request(struct connection *c)
{
	size_t room;
	char *at = frame_room(&c->in, &room);
	ssize_t n;

	if (at == NULL) {
		c->state = CONNECTION_CLOSED; /* out of memory */
		return;
	}
	n = read(c->io.fd, at, room);
	if (n > 0) {
		frame_filled(&c->in, (size_t)n);
		c->is_raw = c->in.data[0] != 0 && is_raw_wanted(c);
	} else if (n == 0) {
		c->peer_done = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->state = CONNECTION_CLOSED;
	}
}

/* Discard what the peer still sends, to see its end. */
static void read_away(struct connection *c)
{
	char bytes[4096];
	ssize_t n = read(c->io.fd, bytes, sizeof(bytes));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		c->state = CONNECTION_CLOSED;
}

/*
 * The peer shut down one or both directions while its request is handled. Shutting down one is
 * fine. For a vsock whose peer closed both there is no EPOLLHUP, but even an empty send fails.
 */
static void check_gone(struct connection *c, uint32_t events)
{
	if (!(events & (EPOLLHUP | EPOLLERR)) &&
		(send(c->io.fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == 0 || errno == EAGAIN))
		return;
	if (c->gone != NULL)
		c->gone(c);
	c->state = CONNECTION_CLOSED;
}

static void connection_ready(struct loop_io *io, uint32_t events)
{
	struct connection *c = LOOP_OWNER(io, struct connection, io);

	c->advancing = true;
	switch (c->state) {
	case CONNECTION_READING:
		read_request(c);
		break;
	case CONNECTION_HANDLING:
		if (events & EPOLLOUT)
			write_more(c);
		if (c->state == CONNECTION_CLOSED && c->gone != NULL)
			c->gone(c); /* reset by the peer; the owner must learn of it */
		if (c->state != CONNECTION_HANDLING || !(events & ~(uint32_t)EPOLLOUT))
			break;
		check_gone(c, events);
		break;
	case CONNECTION_WRITING:
		write_more(c);
		break;
	case CONNECTION_LINGERING:
		read_away(c);
		break;
	case CONNECTION_REPLIED:
	case CONNECTION_CLOSED:
		break;
	}
	c->advancing = false;
	if (c->is_raw)
		give_away(c);
	else
		advance(c);
}

static void connection_expired(struct loop_timer *timer)
{
	struct connection *c = LOOP_OWNER(timer, struct connection, timer);
	enum connection_timer timer_for = c->timer_for;

	c->timer_for = CONNECTION_TIMER_NONE;
	if (timer_for == CONNECTION_TIMER_FIRST && is_raw_wanted(c)) {
		give_away(c);
		return;
	}
	if (c->state == CONNECTION_HANDLING && c->gone != NULL)
		c->gone(c); /* the peer does not read its stream */
	if (timer_for == CONNECTION_TIMER_REQUEST) {
		connection_error(c, "the request did not arrive in time", true);
		return;
	}
	c->state = CONNECTION_CLOSED;
	advance(c);
}

/* ---- the server ------------------------------------------------------------------------------ */

void server_init(struct server *s, struct loop *loop,
	void (*request)(struct connection *c, const char *body, size_t len), void *owner)
{
	*s = (struct server){
		.loop = loop, .limits = server_default_limits, .request = request, .owner = owner
	};
}

static void close_now(struct connection *c)
{
	if (c->state == CONNECTION_HANDLING && c->gone != NULL)
		c->gone(c);
	connection_free(c);
}

void server_close(struct server *s)
{
	while (s->oldest != NULL)
		close_now(s->oldest);
}

void server_finish(struct server *s, uint64_t linger_ms)
{
	struct connection *c, *newer;

	s->limits.linger_ms = linger_ms;
	for (c = s->oldest; c != NULL; c = newer) {
		newer = c->newer;
		if (c->state == CONNECTION_READING && c->served) {
			c->last = true;
			c->state = CONNECTION_REPLIED;
			advance(c);
		} else if (c->state == CONNECTION_WRITING) {
			c->last = true;
			set_timer(c, CONNECTION_TIMER_WRITE, linger_ms);
		} else if (c->state == CONNECTION_LINGERING) {
			set_timer(c, CONNECTION_TIMER_LINGER, linger_ms);
		} else {
			close_now(c);
		}
	}
}

bool server_drop_idle(struct server *s)
{
	struct connection *partial = NULL;

	for (struct connection *c = s->oldest; c != NULL; c = c->newer) {
		bool reading = c->state == CONNECTION_READING;

		if (c->state == CONNECTION_LINGERING || (reading && !frame_begun(&c->in))) {
			close_now(c);
			return true;
		}
		if (partial == NULL && reading)
			partial = c;
	}
	if (partial != NULL)
		close_now(partial);
	return partial != NULL;
}

int server_add(struct server *s, int fd)
{
	struct connection *c;
	int err = 0;

	if (s->count >= s->limits.connections && !server_drop_idle(s))
		err = -EBUSY;
	c = err == 0 ? calloc(1, sizeof(*c)) : NULL;
	if (err == 0 && c == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = loop_add(s->loop, &c->io, fd, EPOLLIN, connection_ready);
	if (err != 0) {
		free(c);
		close(fd);
		return err;
	}
	c->server = s;
	c->events = EPOLLIN;
	c->timer.expire = connection_expired;
	frame_reader_init(&c->in);
	c->in.takes_large = s->is_later;
	if (s->first_accept_ms == 0)
		s->first_accept_ms = clock_ms();
	list_append(c);
	s->count++;
	set_read_timer(c);
	return 0;
}
