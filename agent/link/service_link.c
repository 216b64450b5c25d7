/* SPDX-License-Identifier: MIT */
#include "agent/link/service_link.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define USERS_MS 1000 /* how long the first checks wait for their users */

/* ---- users ----------------------------------------------------------------------------------- */

/* Commands never run as root: for a service of root, or of an unknown user, they run as the default
 * user. */
static void take_user(struct channel_call *call, const struct control_message *m)
{
	struct service_link *l = call->owner;
	struct monitor *monitor;

	if (m->kind != CONTROL_ITEM || m->service.uid == 0 || m->service.uid == (uint32_t)-1)
		return;
	monitor = monitors_find(l->integrations, m->service.name);
	if (monitor == NULL || monitor->definition.user != NULL)
		return;
	buf_format(monitor->service_user, sizeof(monitor->service_user), "%u", m->service.uid);
	monitor->check.user = monitor->service_user;
}

static void be_ready(struct service_link *l)
{
	loop_timer_clear(l->channel->loop, &l->timer);
	l->ready(l->owner);
}

static void users_done(struct channel_call *call, int error, const char *text)
{
	(void)error;
	(void)text;
	be_ready(call->owner);
}

static void users_late(struct loop_timer *timer)
{
	struct service_link *l = LOOP_OWNER(timer, struct service_link, timer);

	channel_drop(&l->users);
	l->ready(l->owner);
}

void service_link_refresh(struct service_link *l)
{
	channel_drop(&l->users);
	channel_prepare(&l->users, CONTROL_SERVICES);
	l->users.item = take_user;
	l->users.done = users_done;
	l->users.owner = l;
	for (size_t i = 0; i < l->integrations->count; i++)
		l->integrations->items[i]->no_service = false;
	if (channel_begin(l->channel, &l->users) == 0)
		loop_timer_set(l->channel->loop, &l->timer, clock_ms() + USERS_MS);
	else
		be_ready(l);
}

/* ---- results --------------------------------------------------------------------------------- */

static void report_next(struct service_link *l);

static void health_done(struct channel_call *call, int error, const char *text)
{
	struct service_link *l = call->owner;
	struct monitor *monitor = monitors_find(l->integrations, l->reported);

	(void)text;
	if (monitor != NULL && error == ENOENT)
		monitor->no_service = true;
	/* The service has restarted since: ask the new process, however long the interval is. */
	if (monitor != NULL && error == ESTALE && !job_is_running(&monitor->check.job))
		check_begin(&monitor->check);
	report_next(l);
}

/* Report one result at a time. */
static void report_next(struct service_link *l)
{
	struct monitor *monitor = NULL;

	if (l->health.channel != NULL)
		return;
	for (size_t i = 0; i < l->integrations->count && monitor == NULL; i++)
		if (l->integrations->items[i]->result_due)
			monitor = l->integrations->items[i];
	if (monitor == NULL)
		return;
	monitor->result_due = false;
	buf_format(l->reported, sizeof(l->reported), "%s", monitor->definition.name);
	channel_prepare(&l->health, CONTROL_HEALTH);
	channel_set_name(&l->health, monitor->definition.name);
	l->health.request.value = monitor->check.result.healthy;
	l->health.request.position = monitor->result_begun_ms;
	l->health.done = health_done;
	l->health.owner = l;
	channel_begin(l->channel, &l->health);
}

void service_link_result(struct service_link *l, struct monitor *monitor)
{
	bool healthy = monitor->check.result.healthy;

	if (!channel_is_open(l->channel) || monitor->no_service ||
		strlen(monitor->definition.name) >= CONTROL_NAME_MAX)
		return;
	if (!healthy && clock_ms() < monitor->check.quiet_until_ms)
		return;
	monitor->result_due = true;
	monitor->result_begun_ms = monitor->check.job.started_ms;
	report_next(l);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void service_link_init(struct service_link *l, struct channel *channel,
	struct monitors *integrations, void (*ready)(void *owner), void *owner)
{
	*l = (struct service_link){ .channel = channel,
		.integrations = integrations,
		.ready = ready,
		.owner = owner,
		.timer.expire = users_late };
}

void service_link_close(struct service_link *l)
{
	channel_drop(&l->users);
	channel_drop(&l->health);
	loop_timer_clear(l->channel->loop, &l->timer);
}
