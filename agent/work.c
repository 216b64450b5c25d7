/* SPDX-License-Identifier: MIT */
#include "agent/work.h"

#include "agent/agent.h"
#include "base/clock.h"

static void connection_gone(struct connection *c)
{
	struct work *w = c->work;

	w->connection = NULL;
	if (w->gone != NULL)
		w->gone(w);
}

void work_begin(struct work *w, struct agent *a, struct connection *c)
{
	w->agent = a;
	w->connection = c;
	w->previous = NULL;
	w->next = a->works;
	if (w->next != NULL)
		w->next->previous = w;
	a->works = w;
	if (c != NULL) {
		c->work = w;
		c->gone = connection_gone;
	}
}

void work_reply(struct work *w, void (*write)(struct buf *b, const void *arg), const void *arg)
{
	struct connection *c = w->connection;

	w->connection = NULL;
	if (c != NULL)
		connection_reply(c, write, arg);
}

void work_error(struct work *w, const char *message)
{
	work_reply(w, connection_write_error, message);
}

void work_set_timer(struct work *w, uint64_t ms, void (*expire)(struct loop_timer *timer))
{
	w->timer.expire = expire;
	loop_timer_set(&w->agent->loop, &w->timer, clock_ms() + ms);
}

void work_end(struct work *w)
{
	loop_timer_clear(&w->agent->loop, &w->timer);
	if (w->previous != NULL)
		w->previous->next = w->next;
	else
		w->agent->works = w->next;
	if (w->next != NULL)
		w->next->previous = w->previous;
}

void work_abandon_all(struct agent *a)
{
	while (a->works != NULL) {
		struct work *w = a->works;

		work_end(w);
		w->abandon(w);
	}
}
