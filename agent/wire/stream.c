/* SPDX-License-Identifier: MIT */
#include "agent/wire/stream.h"

#include <stddef.h>

struct frame {
	enum message_kind kind;
	const void *body;
};

static void write_frame(struct buf *b, const void *arg)
{
	const struct frame *f = arg;

	message_encode(b, f->kind, f->body);
}

static void pending_gone(struct pending *p)
{
	struct stream *s = LOOP_OWNER(p, struct stream, pending);

	stream_drop(s);
	s->gone(s);
}

static void pending_abandoned(struct pending *p)
{
	struct stream *s = LOOP_OWNER(p, struct stream, pending);

	s->abandon(s);
}

static void connection_drained(struct connection *c)
{
	struct pending *p = c->work;
	struct stream *s = LOOP_OWNER(p, struct stream, pending);

	s->drained(s);
}

static void silence(struct loop_timer *timer)
{
	struct stream *s = LOOP_OWNER(timer, struct stream, pending.timer);

	/* A slow client still has frames to read, so it needs none to stay alive. */
	pending_set_timer(&s->pending, STREAM_SILENCE_MS, silence);
	if (connection_backlog(s->pending.connection) == 0)
		s->silent(s);
}

static void wait_for_silence(struct stream *s)
{
	if (s->silent != NULL)
		pending_set_timer(&s->pending, STREAM_SILENCE_MS, silence);
}

void stream_begin(struct stream *s, struct agent *a, struct connection *c)
{
	s->pending.gone = pending_gone;
	s->pending.abandon = pending_abandoned;
	pending_begin(&s->pending, a, c);
	c->drained = s->drained != NULL ? connection_drained : NULL;
	wait_for_silence(s);
}

bool stream_send(struct stream *s, enum message_kind kind, const void *body)
{
	struct frame f = { .kind = kind, .body = body };

	wait_for_silence(s);
	return connection_send(s->pending.connection, write_frame, &f);
}

bool stream_is_full(const struct stream *s)
{
	return connection_backlog(s->pending.connection) >= STREAM_BACKLOG;
}

void stream_end(struct stream *s, enum message_kind kind, const void *body)
{
	struct frame f = { .kind = kind, .body = body };

	pending_reply(&s->pending, write_frame, &f);
	pending_end(&s->pending);
}

void stream_drop(struct stream *s)
{
	s->pending.connection = NULL;
	pending_end(&s->pending);
}
