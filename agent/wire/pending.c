/* SPDX-License-Identifier: MIT */
#include "agent/wire/pending.h"

#include "agent/state.h"
#include "base/clock.h"

static void connection_gone(struct connection *c)
{
	struct pending *w = c->work;

	w->connection = NULL;
	if (w->gone != NULL)
		w->gone(w);
}

void pending_begin(struct pending *w, struct agent *a, struct connection *c)
{
	w->agent = a;
	w->connection = c;
	w->previous = NULL;
	w->next = a->pending;
	if (w->next != NULL)
		w->next->previous = w;
	a->pending = w;
	if (c != NULL) {
		c->work = w;
		c->gone = connection_gone;
	}
}

void pending_reply(
	struct pending *w, void (*write)(struct buf *b, const void *arg), const void *arg)
{
	struct connection *c = w->connection;

	w->connection = NULL;
	if (c != NULL)
		connection_reply(c, write, arg);
}

void pending_error(struct pending *w, const char *message)
{
	pending_reply(w, connection_write_error, message);
}

void pending_set_timer(struct pending *w, uint64_t ms, void (*expire)(struct loop_timer *timer))
{
	w->timer.expire = expire;
	loop_timer_set(&w->agent->loop, &w->timer, clock_ms() + ms);
}

void pending_end(struct pending *w)
{
	loop_timer_clear(&w->agent->loop, &w->timer);
	if (w->previous != NULL)
		w->previous->next = w->next;
	else
		w->agent->pending = w->next;
	if (w->next != NULL)
		w->next->previous = w->previous;
}

void pending_abandon_all(struct agent *a)
{
	while (a->pending != NULL) {
		struct pending *w = a->pending;

		pending_end(w);
		w->abandon(w);
	}
}
