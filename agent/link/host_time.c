/* SPDX-License-Identifier: MIT */
#include "agent/link/host_time.h"

#include "agent/link/host_client.h"
#include "base/buf.h"
#include "base/clock.h"
#include "protocol/messages.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_S 1000000000

void host_time_init(
	struct host_time *t, struct loop *loop, void (*done)(struct host_time *t, bool is_known))
{
	*t = (struct host_time){ .loop = loop, .io.fd = -1, .done = done };
}

void host_time_close(struct host_time *t)
{
	int fd = t->io.fd;

	loop_timer_clear(t->loop, &t->timer);
	loop_remove(t->loop, &t->io);
	if (fd >= 0)
		close(fd);
}

static void end(struct host_time *t, bool is_known)
{
	host_time_close(t);
	t->done(t, is_known);
}

static void expired(struct loop_timer *timer)
{
	end(LOOP_OWNER(timer, struct host_time, timer), false);
}

/* The answer was true in the middle of the way, more or less. */
static bool take_time(struct host_time *t, const struct host_time_answer *a)
{
	uint64_t ns = a->unix_nanos + (clock_us() - t->asked_us) * 1000 / 2;

	if (a->unix_nanos >= NS_PER_S || a->unix_seconds <= 0)
		return false;
	t->time.tv_sec = (time_t)a->unix_seconds + (time_t)(ns / NS_PER_S);
	t->time.tv_nsec = (long)(ns % NS_PER_S);
	return true;
}

static bool decode(struct host_time *t, const char *body, size_t len)
{
	union host_answer_body a = { 0 };
	enum message_kind kind;
	struct problem p;
	bool is_known = message_decode(MESSAGE_HOST_ANSWER, body, len, &kind, &a, &p) == 0 &&
			kind == HOST_ANSWER_HOST_TIME && take_time(t, &a.time);

	message_free(kind, &a);
	return is_known;
}

static void on_answer(struct loop_io *io, uint32_t events)
{
	struct host_time *t = LOOP_OWNER(io, struct host_time, io);
	ssize_t n = recv(io->fd, t->answer + t->len, sizeof(t->answer) - t->len, 0);
	size_t want;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(t, false);
		return;
	}
	t->len += (size_t)n;
	if (t->len < PROTOCOL_HEADER_BYTES)
		return;
	want = protocol_header_decode((const unsigned char *)t->answer);
	if (want > HOST_TIME_ANSWER_MAX)
		end(t, false);
	else if (t->len >= PROTOCOL_HEADER_BYTES + want)
		end(t, decode(t, t->answer + PROTOCOL_HEADER_BYTES, want));
}

static void on_connected(struct loop_io *io, uint32_t events)
{
	struct host_time *t = LOOP_OWNER(io, struct host_time, io);
	char frame[64];
	struct buf b = BUF_OVER(frame);

	(void)events;
	buf_clear(&b);
	buf_put(&b, "\0\0\0", PROTOCOL_HEADER_BYTES);
	message_encode(&b, HOST_REQUEST_QUERY_HOST_TIME, NULL);
	protocol_header_encode((uint32_t)(b.len - PROTOCOL_HEADER_BYTES), (unsigned char *)frame);
	if (send(io->fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len) {
		end(t, false);
		return;
	}
	io->ready = on_answer;
	loop_change(t->loop, io, EPOLLIN);
}

int host_time_ask_over(struct host_time *t, int fd)
{
	int err;

	host_time_close(t);
	t->len = 0;
	t->asked_us = clock_us();
	t->timer.expire = expired;
	err = loop_add(t->loop, &t->io, fd, EPOLLOUT, on_connected);
	if (err != 0)
		close(fd);
	else
		loop_timer_set(t->loop, &t->timer, clock_ms() + HOST_TIME_MS);
	return err;
}

int host_time_ask(struct host_time *t)
{
	int fd = host_connect_begin();

	return fd < 0 ? fd : host_time_ask_over(t, fd);
}
