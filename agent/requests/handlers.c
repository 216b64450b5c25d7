/* SPDX-License-Identifier: MIT */
#include "agent/requests/handlers.h"

#include "agent/requests/entrypoint.h"
#include "agent/requests/exec.h"
#include "agent/requests/files.h"
#include "agent/requests/health_report.h"
#include "agent/requests/init_query.h"
#include "agent/requests/processes.h"
#include "agent/requests/protocol_hello.h"
#include "agent/requests/readiness.h"
#include "agent/requests/restore.h"
#include "agent/requests/run_entrypoint.h"
#include "agent/requests/snapshot.h"
#include "agent/sessions/console.h"
#include "agent/sessions/forward.h"
#include "base/clock.h"

/* ---- replies --------------------------------------------------------------------------------- */

static void write_pong(struct buf *b, const void *arg)
{
	(void)arg;
	message_encode(b, ANSWER_PONG, NULL);
}

static void write_worker_status(struct buf *b, const void *arg)
{
	const struct activity *activity = arg;
	char at[CLOCK_UTC_MAX];

	clock_utc(activity->last_busy_at, at);
	message_encode(b, ANSWER_WORKER_STATUS,
		&(struct worker_status){ .status = activity->busy ? WORKER_BUSY : WORKER_IDLE,
			.last_busy_at = activity->was_busy ? at : NULL });
}

/* ---- short requests -------------------------------------------------------------------------- */

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

	if (monitors_have_unchecked(&a->integrations))
		init_query_requested(a, c, r);
	else
		connection_reply(c, report_write_integrations, &report);
}

static void probe_status(struct agent *a, struct connection *c, struct request *r)
{
	struct report report = { .monitors = &a->probes, .now_ms = clock_ms() };

	(void)r;
	connection_reply(c, report_write_probes, &report);
}

/* This agent has no pool of workers with an idle timeout; zeros tell hosts that. */
static void write_idle_timeout(struct buf *b, const void *arg)
{
	(void)arg;
	message_encode(b, ANSWER_UPDATE_IDLE_TIMEOUT, &(struct idle_timeout_ack){ 0 });
}

static void update_idle_timeout(struct agent *a, struct connection *c, struct request *r)
{
	(void)a;
	(void)r;
	connection_reply(c, write_idle_timeout, NULL);
}

handle_request *const handlers[REQUEST_KINDS] = {
	[REQUEST_PING] = ping,
	[REQUEST_WORKER_STATUS] = worker_status,
	[REQUEST_INTEGRATION_STATUS] = integration_status,
	[REQUEST_PROBE_STATUS] = probe_status,
	[REQUEST_WAKE] = restore_requested,
	[REQUEST_POST_RESTORE] = restore_requested,
	[REQUEST_SLEEP_PREP] = snapshot_sleep_prep,
	[REQUEST_CHECKPOINT_INTEGRATIONS] = snapshot_checkpoint,
	[REQUEST_EXEC] = exec_requested,
	[REQUEST_FS_DIFF] = init_query_requested,
	[REQUEST_START_PORT_FORWARD] = forward_requested,
	[REQUEST_CONSOLE_OPEN] = console_open_requested,
	[REQUEST_CONSOLE_RESIZE] = console_resize_requested,
	[REQUEST_CONSOLE_CLOSE] = console_close_requested,
	[REQUEST_PROTOCOL_HELLO] = protocol_hello,
	[REQUEST_READINESS_STATUS] = readiness_status,
	[REQUEST_RUN_ENTRYPOINT] = run_entrypoint,
	[REQUEST_ENTRYPOINT_STATUS] = entrypoint_status,
	[REQUEST_UPDATE_IDLE_TIMEOUT] = update_idle_timeout,
	[REQUEST_FS_READ] = files_requested,
	[REQUEST_FS_WRITE] = files_requested,
	[REQUEST_FS_LIST] = files_requested,
	[REQUEST_FS_STAT] = files_requested,
	[REQUEST_FS_MKDIR] = files_requested,
	[REQUEST_FS_REMOVE] = files_requested,
	[REQUEST_FS_MOVE] = files_requested,
	[REQUEST_FS_HASH] = files_requested,
	[REQUEST_FS_SET_ATTRIBUTES] = files_requested,
	[REQUEST_PROC_START] = proc_start,
	[REQUEST_PROC_LIST] = proc_list,
	[REQUEST_PROC_SIGNAL] = proc_signal,
	[REQUEST_PROC_KILL] = proc_kill,
	[REQUEST_PROC_SEND_INPUT] = proc_send_input,
	[REQUEST_PROC_WAIT] = proc_wait,
	[REQUEST_HELLO] = init_query_requested,
	[REQUEST_SERVICES] = init_query_requested,
	[REQUEST_LOGS] = init_query_requested,
	[REQUEST_BOOT_TIMELINE] = init_query_requested,
	[REQUEST_METRICS] = init_query_requested,
	[REQUEST_RESTART] = init_query_requested,
	[REQUEST_SHUTDOWN] = init_query_requested,
	[REQUEST_EVENTS] = init_query_requested,
	[REQUEST_RELOAD] = init_query_requested,
	[REQUEST_RELOAD_SERVICE] = init_query_requested,
};
