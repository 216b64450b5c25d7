/* SPDX-License-Identifier: MIT */
/*
 * Integrations with the name of a service. Their commands run as the service's user, unless their
 * file names another. PID 1 gets the results of their checks, because it may restart the service or
 * wait for it to be healthy.
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
	char reported[CONTROL_NAME_MAX]; /* the service that `health` is about */
	struct loop_timer timer;         /* limit of waiting for PID 1 */
	void (*ready)(void *owner);      /* the users are known, or PID 1 did not answer */
	void *owner;
};

void service_link_init(struct service_link *l, struct channel *channel,
	struct monitors *integrations, void (*ready)(void *owner), void *owner);

/*
 * Ask PID 1 for its services and their users. `ready` is called once PID 1 answered, or after one
 * second, or at once without a channel.
 */
void service_link_refresh(struct service_link *l);

/* Drop all running calls. */
void service_link_close(struct service_link *l);

/*
 * Report an integration's new result to PID 1. Failures within the grace time are not reported. An
 * integration without a service is reported once.
 */
void service_link_result(struct service_link *l, struct monitor *integration);

#endif
