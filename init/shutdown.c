/* SPDX-License-Identifier: MIT */
#include "init/shutdown.h"

#include "base/clock.h"
#include "base/log.h"

#include <stddef.h>

/*
 * The 1.8 s: services get TERM and 1.0 s, then the agent 0.2 s. At 1.4 s all remaining processes
 * are killed, which may take 0.2 s (power.c). The rest is for unmounting.
 */
#define SERVICES_MS 1000
#define AGENT_MS    200
#define ALL_MS      1400

static void finish(struct guest *g)
{
	struct problem p;
	int err;

	loop_timer_clear(&g->loop, &g->shutdown.timer);
	log_line("goodbye");
	err = power_end(g->shutdown.action, &log_problems);
	problem_set(&p, -err, "cannot %s", power_commands[g->shutdown.action].failure);
	log_problem(&p);
}

static void on_deadline(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, shutdown.timer);

	log_line("some processes do not end: shutting down anyway");
	finish(g);
}

void shutdown_settle(struct guest *g)
{
	struct supervisor *s = &g->supervisor;

	if (!g->shutdown.begun || supervisor_is_active(s, false))
		return;
	if (!supervisor_is_active(s, true)) {
		finish(g);
		return;
	}
	if (!s->stopping.includes_built_in)
		supervisor_stop_all(s, true, AGENT_MS);
}

void shutdown_begin(struct guest *g, enum power_action action)
{
	if (g->shutdown.begun)
		return;
	log_line("shutting down...");
	g->shutdown.action = action;
	g->shutdown.timer.expire = on_deadline;
	loop_timer_set(&g->loop, &g->shutdown.timer, clock_ms() + ALL_MS);
	supervisor_freeze(&g->supervisor, false); /* frozen processes would not act on TERM */
	supervisor_stop_all(&g->supervisor, false, SERVICES_MS);
	g->shutdown.begun = true;
}

void shutdown_start_limit_hit(struct supervisor *s, struct service *service)
{
	struct guest *g = LOOP_OWNER(s, struct guest, supervisor);

	log_line("%s has hit its start limit: shutting down the guest", service->name);
	if (service->config.start_limit_action == SERVICE_LIMIT_EXIT)
		log_line("guest exit code %u", service->config.start_limit_exit_code);
	shutdown_begin(g, POWER_RESTART);
}
