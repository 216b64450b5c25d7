/* SPDX-License-Identifier: MIT */
#include "agent/link/channel.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS    ((uint32_t)(EPOLLIN | EPOLLRDHUP))
#define DRAIN_MAX 4096 /* messages; more than the calls in flight can be answered with */

void channel_init(struct channel *c, struct loop *loop)
{
	struct timespec now;

	/* A killed agent may have left answers in the socket. Start with other ids than it had. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	*c = (struct channel){ .loop = loop,
		.io.fd = -1,
		.last_id = (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec << 20 };
}

bool channel_is_open(const struct channel *c)
{
	return c->io.fd >= 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

void channel_prepare(struct channel_call *call, enum control_verb verb)
{
	memset(&call->request, 0, sizeof(call->request));
	call->request.version = CONTROL_VERSION;
	call->request.kind = CONTROL_REQUEST;
	call->request.verb = (uint16_t)verb;
}

static void set(char *storage, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(storage, text, len);
	storage[len] = '\0';
}

void channel_set_name(struct channel_call *call, const char *name)
{
	set(call->request.name, sizeof(call->request.name), name);
}

void channel_set_text(struct channel_call *call, const char *text)
{
	set(call->request.text, sizeof(call->request.text), text);
}

/* A restore's own calls are not listed: one restore runs at a time, and nothing may hold it up. */
static enum channel_wait wait_of(const struct channel_call *call)
{
	switch (call->request.verb) {
	case CONTROL_RESTART:
	case CONTROL_RELOAD:
	case CONTROL_RELOAD_SERVICE:
		return CHANNEL_WAITS_FOR_SERVICES;
	case CONTROL_SYNC:
		return CHANNEL_WAITS_FOR_DRIVES;
	case CONTROL_CHANGES:
		return CHANNEL_WAITS_FOR_CHANGES;
	default:
		return CHANNEL_WAITS_FOR_NOTHING;
	}
}

static void count_call(const struct channel_call *call, unsigned int by)
{
	call->channel->in_flight += by;
	call->channel->waiting[wait_of(call)] += by;
}

static void unlink_call(struct channel_call *call)
{
	struct channel_call **link = &call->channel->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	if (call->sent)
		count_call(call, -1U);
	call->channel = NULL;
}

static void end_call(struct channel_call *call, int error, const char *text)
{
	unlink_call(call);
	call->done(call, error, text);
}

/* Give up the channel. */
static void break_channel(struct channel *c, const char *why)
{
	int fd = c->io.fd;

	log_line("the channel to init is closed: %s", why);
	loop_remove(c->loop, &c->io);
	close(fd);
	while (c->calls != NULL)
		end_call(c->calls, ENOTCONN, "init has closed its channel");
}

static void send_calls(struct channel *c)
{
	/* Two more than these can always go out. */
	static const unsigned int most[CHANNEL_WAITS] = { CHANNEL_IN_FLIGHT, 3, 1, 1 };
	struct channel_call *call = c->calls;

	c->full = false;
	for (; call != NULL && c->in_flight < CHANNEL_IN_FLIGHT; call = call->next) {
		if (call->sent || c->waiting[wait_of(call)] >= most[wait_of(call)])
			continue;
		c->full = send(c->io.fd, &call->request, sizeof(call->request),
				  MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
		if (c->full)
			break; /* reading will show any error but a full socket */
		call->sent = true;
		count_call(call, 1);
	}
	loop_change(c->loop, &c->io, c->full ? EVENTS | EPOLLOUT : EVENTS);
}

int channel_begin(struct channel *c, struct channel_call *call)
{
	struct channel_call **link = &c->calls;

	if (!channel_is_open(c))
		return -ENOTCONN;
	while (*link != NULL)
		link = &(*link)->next;
	*link = call;
	call->next = NULL;
	call->channel = c;
	call->sent = false;
	if (++c->last_id == 0)
		c->last_id = 1;
	call->request.id = c->last_id;
	if (!c->full)
		send_calls(c);
	return 0;
}

void channel_send_back(struct channel *c, const struct control_message *event)
{
	(void)!send(c->io.fd, event, sizeof(*event), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void channel_drop(struct channel_call *call)
{
	struct channel *c = call->channel;

	if (c == NULL)
		return;
	unlink_call(call);
	send_calls(c);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void end_text(char *text, size_t size)
{
	text[size - 1] = '\0';
}

static void end_transitions(struct control_message *m)
{
	if (m->value > CONTROL_TRANSITIONS_MAX)
		m->value = CONTROL_TRANSITIONS_MAX;
	for (uint64_t i = 0; i < m->value; i++) {
		struct control_transition *t = &m->transitions[i];

		end_text(t->name, sizeof(t->name));
		end_text(t->before, sizeof(t->before));
		end_text(t->after, sizeof(t->after));
		end_text(t->cause, sizeof(t->cause));
		end_text(t->reason, sizeof(t->reason));
	}
}

/* PID 1 is trusted, but it may have bugs: terminate every string. */
static void end_strings(struct control_message *m)
{
	if (m->kind == CONTROL_STEP || m->verb == CONTROL_TIMELINE) {
		end_text(m->step.name, sizeof(m->step.name));
		end_text(m->step.text, sizeof(m->step.text));
	}
	if (m->kind == CONTROL_ITEM && m->verb == CONTROL_SERVICES) {
		end_text(m->service.name, sizeof(m->service.name));
		end_text(m->service.state, sizeof(m->service.state));
		end_text(m->service.reason, sizeof(m->service.reason));
	}
	if (m->kind == CONTROL_ITEM && m->verb == CONTROL_EVENTS)
		end_transitions(m);
	if (m->kind == CONTROL_DONE || m->verb == CONTROL_HELLO ||
		(m->verb == CONTROL_RELOAD && m->value == 1))
		end_text(m->text, sizeof(m->text));
	if (m->length > sizeof(m->data))
		m->length = sizeof(m->data);
}

static struct channel_call *find_call(struct channel *c, uint32_t id)
{
	struct channel_call *call = c->calls;

	while (call != NULL && !(call->sent && call->request.id == id))
		call = call->next;
	return call;
}

static void take_message(struct channel *c, struct control_message *m)
{
	struct channel_call *call;

	end_strings(m);
	if (m->kind == CONTROL_EVENT) {
		if (c->event != NULL)
			c->event(c, m);
		return;
	}
	call = find_call(c, m->id);
	if (call == NULL || m->verb != call->request.verb)
		return;
	if (m->kind == CONTROL_DONE) {
		call->position = m->position;
		call->value = m->value;
		end_call(call, m->error, m->text);
		if (channel_is_open(c))
			send_calls(c);
	} else if ((m->kind == CONTROL_ITEM || m->kind == CONTROL_STEP) && call->item != NULL) {
		call->item(call, m);
	}
}

/* Receive a message if there is one. Returns recv(2)'s value; MSG_TRUNC gives the real length. */
static ssize_t take_one(struct channel *c, uint32_t events)
{
	struct control_message m;
	ssize_t n = recv(c->io.fd, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);

	if (n == (ssize_t)sizeof(m) && m.version == CONTROL_VERSION)
		take_message(c, &m);
	else if (n == 0 && (events & (EPOLLHUP | EPOLLRDHUP)))
		break_channel(c, "end of file");
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		break_channel(c, problem_errno_text(errno));
	return n;
}

/* One message per pass, because a callback may close the channel. */
static void channel_ready(struct loop_io *io, uint32_t events)
{
	struct channel *c = LOOP_OWNER(io, struct channel, io);

	if (events & EPOLLOUT)
		send_calls(c);
	take_one(c, events);
}

void channel_drain(struct channel *c)
{
	for (int i = 0; i < DRAIN_MAX && channel_is_open(c); i++)
		if (take_one(c, 0) <= 0)
			break;
}

/* ---- opening and closing --------------------------------------------------------------------- */

int channel_open(struct channel *c, int fd, struct problem *p)
{
	int type = 0, err;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return problem_set(p, errno, "--control-fd %d", fd);
	if (type != SOCK_SEQPACKET)
		return problem_set_text(
			p, EINVAL, "--control-fd %d is not a SOCK_SEQPACKET socket", fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return problem_set(p, errno, "--control-fd %d", fd);
	err = loop_add(c->loop, &c->io, fd, EVENTS, channel_ready);
	return err != 0 ? problem_set(p, -err, "--control-fd %d", fd) : 0;
}

void channel_close(struct channel *c)
{
	int fd = c->io.fd;

	while (c->calls != NULL)
		unlink_call(c->calls);
	loop_remove(c->loop, &c->io);
	if (fd >= 0)
		close(fd);
}
