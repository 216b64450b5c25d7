/* SPDX-License-Identifier: MIT */
#include "agent/requests/readiness.h"

#include "agent/requests/entrypoint.h"
#include "agent/requests/guest_policy.h"
#include "base/clock.h"

static void write_status(struct buf *b, const void *arg)
{
	message_encode(b, ANSWER_READINESS_STATUS, arg);
}

static struct readiness integrations_state(const struct agent *a)
{
	const struct monitors *m = &a->integrations;
	struct readiness state = { .state = m->count > 0 ? READINESS_READY : READINESS_DISABLED };

	for (size_t i = 0; i < m->count; i++) {
		enum monitor_status status =
			monitor_status(m->items[i], m->first_start_ms, clock_ms());

		if (m->items[i]->definition.command != NULL &&
			(status == MONITOR_STARTING || status == MONITOR_PENDING))
			state.state = READINESS_STARTING;
	}
	return state;
}

static struct readiness probes_state(const struct agent *a)
{
	const struct monitors *m = &a->probes;
	struct readiness state = { .state = m->count > 0 ? READINESS_READY : READINESS_DISABLED };

	for (size_t i = 0; i < m->count; i++)
		if (!m->items[i]->check.result.known)
			state.state = READINESS_STARTING;
	return state;
}

/* Milliseconds from the agent's start to `at_ms`; FIELD_UNKNOWN for 0. */
static uint64_t since_start(const struct agent *a, uint64_t at_ms)
{
	if (at_ms == 0)
		return FIELD_UNKNOWN;
	return at_ms > a->started_ms ? at_ms - a->started_ms : 0;
}

void readiness_status(struct agent *a, struct connection *c, struct request *r)
{
	struct readiness_status s = { .control_plane.state = READINESS_READY,
		.integrations = integrations_state(a),
		.probes = probes_state(a),
		.boot_millis = { .agent_started_ms = 0,
			.vsock_bound_ms = since_start(a, a->listening_ms),
			.first_accept_ms = since_start(a, a->server.first_accept_ms),
			.entrypoint_ready_ms = FIELD_UNKNOWN,
			.warm_pool_ready_ms = FIELD_UNKNOWN,
			.integrations_ready_ms = since_start(a, a->integrations.all_healthy_ms),
			.probes_ready_ms = FIELD_UNKNOWN } };
	struct entrypoint entrypoint;
	struct policy policy;

	(void)r;
	entrypoint_find(a->paths.entrypoint, &entrypoint);
	if (entrypoint.exists)
		s.entrypoint.state = entrypoint.is_valid ? READINESS_READY : READINESS_FAILED;
	s.entrypoint.message = entrypoint.reason.text;
	guest_policy_read(a, &policy);
	s.profile = policy.profile;
	connection_reply(c, write_status, &s);
}
