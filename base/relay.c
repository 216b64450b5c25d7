/* SPDX-License-Identifier: MIT */
#include "base/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A vsock whose peer has closed both directions gives no EPOLLHUP, but even an empty send fails
 * (Linux, net/vmw_vsock/af_vsock.c). Unix and TCP sockets fail in the same way.
 */
bool relay_peer_is_gone(int fd)
{
	return send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) != 0 && errno != EAGAIN &&
	       errno != EINTR && errno != ENOTSOCK;
}

/* ---- one flow -------------------------------------------------------------------------------- */

static size_t waiting(const struct relay_flow *f)
{
	return f->kept_len - f->kept_at;
}

static void drop_kept(struct relay_flow *f)
{
	free(f->kept);
	f->kept = NULL;
	f->kept_len = f->kept_at = 0;
}

bool relay_is_drained(const struct relay *r, int from)
{
	return waiting(&r->flows[from]) == 0;
}

static void vanish(struct relay *r, int end)
{
	if (r->ends[end].gone)
		return;
	r->ends[end].gone = true;
	drop_kept(&r->flows[1 - end]);
	if (r->vanished != NULL)
		r->vanished(r, end);
}

/* Returns how many bytes the end took. An error marks the end as gone. */
static size_t write_some(struct relay *r, int end, const char *bytes, size_t len)
{
	ssize_t n = write(r->ends[end].fd, bytes, len);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		vanish(r, end);
	return n < 0 ? 0 : (size_t)n;
}

static int keep(struct relay_flow *f, const char *bytes, size_t len)
{
	size_t before = waiting(f);
	char *kept;

	if (before + len > 2 * RELAY_CHUNK)
		return -ENOBUFS;
	kept = malloc(before + len);
	if (kept == NULL)
		return -ENOMEM;
	if (before > 0)
		memcpy(kept, f->kept + f->kept_at, before);
	memcpy(kept + before, bytes, len);
	drop_kept(f);
	f->kept = kept;
	f->kept_len = before + len;
	return 0;
}

/* Write what is kept. */
static void write_kept(struct relay *r, int from)
{
	struct relay_flow *f = &r->flows[from];
	size_t n = write_some(r, 1 - from, f->kept + f->kept_at, waiting(f));

	if (r->is_closed)
		return;
	f->kept_at += n;
	if (waiting(f) == 0)
		drop_kept(f);
}

/* Read once and pass the bytes on. Returns false when there is no memory for bytes that the other
 * side does not take. */
static bool read_some(struct relay *r, int from)
{
	struct relay_flow *f = &r->flows[from];
	char bytes[RELAY_CHUNK + 1];
	ssize_t n = read(r->ends[from].fd, bytes, RELAY_CHUNK);
	size_t len, sent;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		/* EIO: the other side of a terminal has closed. */
		f->read_ended = true;
		if (n < 0)
			vanish(r, from);
		return true;
	}
	len = r->passing != NULL ? r->passing(r, from, bytes, (size_t)n) : (size_t)n;
	if (r->is_closed || r->ends[1 - from].gone || len == 0)
		return true;
	sent = write_some(r, 1 - from, bytes, len);
	if (r->is_closed || r->ends[1 - from].gone || sent == len)
		return true;
	return keep(f, bytes + sent, len - sent) == 0;
}

static void tell_end(struct relay *r, int from)
{
	struct relay_flow *f = &r->flows[from];

	f->is_over = true;
	if (r->ends[1 - from].gone)
		return;
	if (r->ended != NULL)
		r->ended(r, from);
	else
		shutdown(r->ends[1 - from].fd, SHUT_WR);
}

static bool may_read(const struct relay *r, int from)
{
	const struct relay_flow *f = &r->flows[from];

	return !f->is_held && !f->read_ended && !f->is_over && waiting(f) == 0;
}

static bool step_flow(struct relay *r, int from)
{
	struct relay_flow *f = &r->flows[from];

	if (waiting(f) > 0 && !r->ends[1 - from].gone)
		write_kept(r, from);
	if (!r->is_closed && may_read(r, from) && !read_some(r, from))
		return false;
	if (!r->is_closed && !f->is_over && waiting(f) == 0 &&
		(f->read_ended || r->ends[1 - from].gone))
		tell_end(r, from);
	return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void end_ready(struct loop_io *io, uint32_t events);

/*
 * With nothing to read or write, wait only for the peer's hang-up, and edge-triggered: a hang-up
 * that we cannot act on yet must not keep the loop awake.
 */
static int watch(struct relay *r, int end)
{
	struct relay_end *e = &r->ends[end];
	uint32_t events = (may_read(r, end) ? EPOLLIN : 0u) |
			  (waiting(&r->flows[1 - end]) > 0 && !e->gone ? EPOLLOUT : 0u);

	if (events == 0)
		events = EPOLLRDHUP | EPOLLET;
	if (events == e->events)
		return 0;
	e->events = events;
	return loop_change(r->loop, &e->io, events);
}

static void step(struct relay *r)
{
	bool is_good = true;

	r->is_stepping = true;
	for (int from = 0; from < 2 && is_good && !r->is_closed; from++)
		is_good = step_flow(r, from);
	for (int end = 0; end < 2 && is_good && !r->is_closed; end++)
		is_good = watch(r, end) == 0;
	r->is_stepping = false;
	if (r->is_closed || r->has_told_over ||
		(is_good && !(r->flows[0].is_over && r->flows[1].is_over)))
		return;
	r->has_told_over = true;
	r->over(r);
}

static void ready(struct relay *r, int end, uint32_t events)
{
	struct relay_end *e = &r->ends[end];

	/* Reading shows the hang-up of a pipe or terminal; look for it here while nothing is read.
	 */
	if (!may_read(r, end) && ((events & EPOLLERR) || relay_peer_is_gone(e->fd)))
		vanish(r, end);
	if (r->is_closed)
		return;
	step(r);
	if (!r->is_closed && r->flows[end].read_ended && !e->gone && relay_peer_is_gone(e->fd)) {
		vanish(r, end);
		if (!r->is_closed)
			step(r);
	}
}

static void end_ready(struct loop_io *io, uint32_t events)
{
	struct relay_end *e = LOOP_OWNER(io, struct relay_end, io);
	struct relay *r = e->relay;

	ready(r, e == &r->ends[1], events);
}

/* ---- from outside ---------------------------------------------------------------------------- */

int relay_start(struct relay *r, struct loop *loop, int first, int second)
{
	int err;

	r->loop = loop;
	for (int end = 0; end < 2; end++)
		r->ends[end] = (struct relay_end){
			.relay = r, .fd = end == 0 ? first : second, .io.fd = -1, .events = EPOLLIN
		};
	err = loop_add(loop, &r->ends[0].io, first, EPOLLIN, end_ready);
	if (err == 0)
		err = loop_add(loop, &r->ends[1].io, second, EPOLLIN, end_ready);
	for (int end = 0; end < 2 && err == 0; end++)
		err = watch(r, end);
	if (err != 0)
		relay_close(r);
	return err;
}

void relay_hold(struct relay *r, int from, bool hold)
{
	r->flows[from].is_held = hold;
	if (!r->is_stepping && r->loop != NULL && !r->is_closed && watch(r, from) != 0)
		vanish(r, from);
}

int relay_inject(struct relay *r, int from, const char *bytes, size_t len)
{
	struct relay_flow *f = &r->flows[from];
	int err = len > RELAY_CHUNK || waiting(f) > RELAY_CHUNK ? -ENOBUFS : keep(f, bytes, len);

	if (err != 0)
		return err;
	f->is_over = false;
	if (!r->is_stepping && r->loop != NULL && watch(r, 1 - from) != 0)
		vanish(r, 1 - from);
	return 0;
}

void relay_close(struct relay *r)
{
	if (r->loop == NULL || r->is_closed)
		return;
	r->is_closed = true;
	for (int end = 0; end < 2; end++) {
		loop_remove(r->loop, &r->ends[end].io);
		close(r->ends[end].fd);
		drop_kept(&r->flows[end]);
	}
}
