/* SPDX-License-Identifier: MIT */
/*
 * Integrations that have the name of a service: their commands run as the service's user, where
 * their file names no other, and PID 1 learns the results of their checks, because it may restart
 * the service or wait for it to be healthy.
 */
#ifndef AGENT_LINK_SERVICE_LINK_H
#define AGENT_LINK_SERVICE_LINK_H

#include "agent/checks/monitor.h"
#include "agent/link/channel.h"

#include <stdbool.h>

struct service_link {
	struct channel *channel;
	struct monitors *integrations;
	struct channel_call users, health;
	char reported[CONTROL_NAME_MAX]; /* whose result `health` is about */
	struct loop_timer timer;         /* PID 1 has answered by then, or is not waited for */
	void (*ready)(void *owner);      /* the users are known, or will not be */
	void *owner;
};

void service_link_init(struct service_link *l, struct channel *channel,
	struct monitors *integrations, void (*ready)(void *owner), void *owner);

/*
 * Ask PID 1 for its services and their users. `ready` is called when it has answered, or after a
 * second, or at once when there is no channel.
 */
void service_link_refresh(struct service_link *l);

/* Forget what is under way. */
void service_link_close(struct service_link *l);

/*
 * An integration's check has a new result: PID 1 is told, except of failures within the grace time.
 * Integrations that are no services are told of once.
 */
void service_link_result(struct service_link *l, struct monitor *integration);

#endif
