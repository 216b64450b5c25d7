/* SPDX-License-Identifier: MIT */
#include "agent/requests/request.h"

#include "agent/requests/exec.h"
#include "agent/requests/health_report.h"
#include "agent/requests/init_query.h"
#include "agent/requests/restore.h"
#include "agent/requests/snapshot.h"
#include "agent/state.h"
#include "base/clock.h"
#include "protocol/json.h"
#include "protocol/messages.h"

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
	[REQUEST_HELLO] = init_query_requested,
	[REQUEST_SERVICES] = init_query_requested,
	[REQUEST_LOGS] = init_query_requested,
	[REQUEST_BOOT_TIMELINE] = init_query_requested,
	[REQUEST_METRICS] = init_query_requested,
	[REQUEST_RESTART] = init_query_requested,
	[REQUEST_SHUTDOWN] = init_query_requested,
	[REQUEST_EVENTS] = init_query_requested,
	[REQUEST_RELOAD] = init_query_requested,
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
