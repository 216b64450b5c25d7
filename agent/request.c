/* SPDX-License-Identifier: MIT */
#include "agent/request.h"

#include "agent/agent.h"
#include "agent/exec.h"
#include "agent/guest.h"
#include "agent/json.h"
#include "agent/messages.h"
#include "agent/report.h"
#include "agent/restore.h"
#include "agent/snapshot.h"
#include "base/clock.h"

/* ---- replies --------------------------------------------------------------------------------- */

static void write_pong(struct buf *b, const void *arg)
{
	(void)arg;
	buf_puts(b, "\"Pong\"");
}

static void write_worker_status(struct buf *b, const void *arg)
{
	const struct activity *activity = arg;
	char at[CLOCK_UTC_MAX];

	clock_utc(activity->last_busy_at, at);
	buf_puts(b, "{\"WorkerStatus\":{\"status\":");
	json_put_text(b, activity->busy ? "busy" : "idle");
	buf_puts(b, ",\"last_busy_at\":");
	json_put_text(b, activity->was_busy ? at : NULL);
	buf_puts(b, "}}");
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void ping(struct agent *a, struct connection *c, struct request *r)
{
	(void)a;
	(void)r;
	connection_reply(c, write_pong, NULL);
}

static void worker_status(struct agent *a, struct connection *c, struct request *r)
{
	struct activity_sample now = activity_sample(a->jobs.used_us);

	(void)r;
	activity_update(&a->activity, &now, time(NULL));
	if (a->activity.busy)
		a->history.changed = true;
	connection_reply(c, write_worker_status, &a->activity);
}

static void integration_status(struct agent *a, struct connection *c, struct request *r)
{
	struct report report = { .monitors = &a->integrations, .now_ms = clock_ms() };

	(void)r;
	connection_reply(c, report_write_integrations, &report);
}

static void probe_status(struct agent *a, struct connection *c, struct request *r)
{
	struct report report = { .monitors = &a->probes, .now_ms = clock_ms() };

	(void)r;
	connection_reply(c, report_write_probes, &report);
}

static void (*const handlers[REQUEST_KINDS])(
	struct agent *a, struct connection *c, struct request *r) = {
	[REQUEST_PING] = ping,
	[REQUEST_WORKER_STATUS] = worker_status,
	[REQUEST_INTEGRATION_STATUS] = integration_status,
	[REQUEST_PROBE_STATUS] = probe_status,
	[REQUEST_WAKE] = restore_requested,
	[REQUEST_POST_RESTORE] = restore_requested,
	[REQUEST_SLEEP_PREP] = snapshot_sleep_prep,
	[REQUEST_CHECKPOINT_INTEGRATIONS] = snapshot_checkpoint,
	[REQUEST_EXEC] = exec_requested,
	[REQUEST_HELLO] = guest_requested,
	[REQUEST_SERVICES] = guest_requested,
	[REQUEST_LOGS] = guest_requested,
	[REQUEST_BOOT_TIMELINE] = guest_requested,
	[REQUEST_METRICS] = guest_requested,
	[REQUEST_RESTART] = guest_requested,
	[REQUEST_SHUTDOWN] = guest_requested,
	[REQUEST_EVENTS] = guest_requested,
	[REQUEST_RELOAD] = guest_requested,
};

void request_received(struct connection *c, const char *body, size_t len)
{
	struct agent *a = c->server->owner;
	struct request r;
	struct problem p;

	if (request_decode(body, len, &r, &p) == 0)
		handlers[r.kind](a, c, &r);
	else
		connection_error(c, p.text, true);
	request_free(&r);
}
