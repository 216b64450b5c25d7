/* SPDX-License-Identifier: MIT */
#include "init/agent_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "init/guest.h"
#include "supervisor/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>

#define SHOT ((uint32_t)(EPOLLIN | EPOLLONESHOT))

static void wait_for_connections(struct guest *g)
{
	for (size_t i = 0; i < AGENT_PORTS; i++)
		if (g->agent.ports[i].fd >= 0)
			loop_change(&g->loop, &g->agent.ports[i], SHOT);
	g->agent.is_asked = false;
}

static void look_again(struct guest *g)
{
	loop_timer_set(&g->loop, &g->agent.patience, clock_ms() + AGENT_PATIENCE_MS);
}

static bool is_connection_waiting(const struct guest *g)
{
	struct pollfd ports[AGENT_PORTS];

	for (size_t i = 0; i < AGENT_PORTS; i++)
		ports[i] = (struct pollfd){ .fd = g->agent.ports[i].fd, .events = POLLIN };
	return poll(ports, AGENT_PORTS, 0) > 0;
}

/* One that does not even read what it is sent has been asked, too. */
static void ask(struct guest *g)
{
	int err = control_ask_for_life(&g->control);

	g->agent.is_asked = err == 0 || err == -EAGAIN;
	if (g->agent.is_asked)
		look_again(g);
	else
		wait_for_connections(g); /* it has no channel: it cannot be asked */
}

static void on_patience_end(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, agent.patience);
	struct service *v = g->agent.service;

	if (g->shutdown.begun)
		return;
	if (g->agent.is_asked && !g->control.shows_life && v->machine.state == MACHINE_RUNNING) {
		log_line("%s: takes no connection and gives no sign of life for %d s: killed",
			v->name, 2 * AGENT_PATIENCE_MS / 1000);
		/* TERM could be its next sign of life, and cost the connections that wait. */
		process_signal(v, SIGKILL);
	} else if (!g->agent.is_asked && v->machine.state == MACHINE_RUNNING &&
		   is_connection_waiting(g)) {
		ask(g);
		return;
	}
	wait_for_connections(g);
}

/* A host has connected. The agent may be on its way to accept it. */
static void on_connection(struct guest *g)
{
	if (!g->agent.patience.set)
		look_again(g);
}

static void on_port(struct loop_io *io, uint32_t events)
{
	(void)events;
	on_connection(LOOP_OWNER(io, struct guest, agent.ports[0]));
}

static void on_later_port(struct loop_io *io, uint32_t events)
{
	(void)events;
	on_connection(LOOP_OWNER(io, struct guest, agent.ports[1]));
}

void agent_watch_begin(struct guest *g)
{
	static void (*const ready[AGENT_PORTS])(
		struct loop_io * io, uint32_t events) = { on_port, on_later_port };
	const int fds[AGENT_PORTS] = { g->agent.fds[AGENT_LISTEN],
		g->agent.fds[AGENT_LISTEN_LATER] };

	g->agent.patience.expire = on_patience_end;
	for (size_t i = 0; i < AGENT_PORTS; i++) {
		g->agent.ports[i].fd = -1;
		if (fds[i] >= 0 && fds[i] != g->supervisor.null_fd)
			loop_add(&g->loop, &g->agent.ports[i], fds[i], SHOT, ready[i]);
	}
}
