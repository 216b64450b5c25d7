/* SPDX-License-Identifier: MIT */
#include "agent/request.h"

#include "agent/agent.h"
#include "agent/json.h"
#include "agent/messages.h"
#include "agent/report.h"
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

static void unsupported(struct agent *a, struct connection *c, struct request *r)
{
	char text[96];

	(void)a;
	buf_format(text, sizeof(text), "%s is not supported yet", request_name(r->kind));
	connection_error(c, text, false);
}

static void (*const handlers[REQUEST_KINDS])(
	struct agent *a, struct connection *c, struct request *r) = {
	[REQUEST_PING] = ping,
	[REQUEST_WORKER_STATUS] = worker_status,
	[REQUEST_INTEGRATION_STATUS] = integration_status,
	[REQUEST_PROBE_STATUS] = probe_status,
	[REQUEST_WAKE] = unsupported,
	[REQUEST_POST_RESTORE] = unsupported,
	[REQUEST_SLEEP_PREP] = unsupported,
	[REQUEST_CHECKPOINT_INTEGRATIONS] = unsupported,
	[REQUEST_EXEC] = unsupported,
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
