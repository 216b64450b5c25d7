/* SPDX-License-Identifier: MIT */
#include "agent/requests/init_query.h"

#include "agent/checks/capture.h"
#include "agent/link/channel.h"
#include "agent/requests/fs_diff.h"
#include "agent/requests/health_report.h"
#include "agent/requests/init_answer.h"
#include "agent/wire/pending.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX  1024  /* messages kept of one answer */
#define ANSWER_MS  5000  /* limit for PID 1's answer */
#define RESTART_MS 60000 /* limit for a service to stop and start, or to reload */
#define RELOAD_MS  30000 /* limit for all services to stop and start */
#define CHANGES_MS 9000  /* limit for the list of changed files; hosts wait for ten seconds */
#define WAIT_MAX_S 60    /* longest time that a client may wait for an event */
#define TIMES_MAX  252   /* of an answer to Logs: they fit a frame beside the text */
#define WAITS_MAX  64    /* most clients that wait; others need connections, too */

/* Of each service that is an integration, PID 1 says whether it runs. */
static void write_integrations(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	struct report report = { .monitors = &a->agent->integrations, .now_ms = clock_ms() };

	for (size_t i = 0; i < report.monitors->count && a->connected && a->error == 0; i++)
		report.monitors->items[i]->is_down = false;
	for (size_t i = 0; i < a->count; i++)
		monitors_note_service(
			report.monitors, a->items[i].service.name, a->items[i].service.state);
	report_write_integrations(b, &report);
}

/* For each request: the question to PID 1, and how to write the answer. */
static const struct kind {
	enum message_kind request;
	enum control_verb verb;
	void (*write)(struct buf *b, const void *arg);
	uint64_t timeout_ms;
	bool alone;   /* answered even without PID 1 */
	bool outcome; /* an error of PID 1 is sent as the answer, not as Error */
} kinds[] = {
	{ REQUEST_HELLO, CONTROL_HELLO, init_answer_hello, ANSWER_MS, true, false },
	{ REQUEST_SERVICES, CONTROL_SERVICES, init_answer_services, ANSWER_MS, false, false },
	{ REQUEST_LOGS, CONTROL_LOGS, init_answer_logs, ANSWER_MS, false, false },
	{ REQUEST_BOOT_TIMELINE, CONTROL_TIMELINE, init_answer_timeline, ANSWER_MS, false, false },
	{ REQUEST_METRICS, CONTROL_SERVICES, init_answer_metrics, ANSWER_MS, true, false },
	{ REQUEST_RESTART, CONTROL_RESTART, init_answer_restart, RESTART_MS, false, true },
	{ REQUEST_SHUTDOWN, CONTROL_SHUTDOWN, init_answer_shutdown, ANSWER_MS, false, true },
	{ REQUEST_EVENTS, CONTROL_EVENTS, init_answer_events, ANSWER_MS, false, false },
	{ REQUEST_RELOAD, CONTROL_RELOAD, init_answer_reload, RELOAD_MS, false, true },
	{ REQUEST_RELOAD_SERVICE, CONTROL_RELOAD_SERVICE, init_answer_reload_service, RESTART_MS,
		false, true },
	{ REQUEST_FS_DIFF, CONTROL_CHANGES, fs_diff_write, CHANGES_MS, false, false },
	{ REQUEST_INTEGRATION_STATUS, CONTROL_SERVICES, write_integrations, ANSWER_MS, true,
		false },
};

struct query {
	struct pending work;
	struct channel_call call;
	const struct kind *kind;
	struct control_message *items;
	size_t count, size;
	struct capture log;
	struct log_time *times;
	size_t time_count;
	bool goes_on;            /* Logs: what came since a position, so the first of it */
	bool is_full;            /* there is more behind `position` */
	bool is_behind;          /* what came first is no longer kept */
	uint64_t position, lost; /* `lost` counts FsDiff's entries */
	uint64_t wait_until_ms;  /* wait for an event until then; 0: do not wait */
	bool waits;              /* waits until PID 1 announces an event */
};

static void set_waits(struct query *q, bool waits)
{
	if (q->waits != waits)
		q->work.agent->waits += waits ? 1 : (size_t)-1;
	q->waits = waits;
}

static void query_end(struct query *q)
{
	set_waits(q, false);
	pending_end(&q->work);
	channel_drop(&q->call);
	capture_free(&q->log);
	free(q->times);
	free(q->items);
	free(q);
}

static void abandon(struct pending *w)
{
	struct query *q = LOOP_OWNER(w, struct query, work);

	capture_free(&q->log);
	free(q->times);
	free(q->items);
	free(q);
}

/* Nobody needs the rest of PID 1's answer. */
static void client_gone(struct pending *w)
{
	query_end(LOOP_OWNER(w, struct query, work));
}

static void reply(struct query *q, bool connected, int error, const char *text)
{
	struct init_answer answer = { .agent = q->work.agent,
		.items = q->items,
		.count = q->count,
		.is_later = q->work.connection != NULL && q->work.connection->server->is_later,
		.connected = connected,
		.error = error,
		.text = text,
		.log = q->log.data,
		.log_len = q->log.len,
		.log_cut = q->log.cut || q->is_behind,
		.times = q->times,
		.time_count = q->time_count,
		.position = q->position,
		.lost = q->lost };
	char message[CONTROL_TEXT_MAX + 64];

	if (error == 0 || q->kind->alone || (connected && q->kind->outcome)) {
		pending_reply(&q->work, q->kind->write, &answer);
	} else {
		buf_format(message, sizeof(message), "%s: %s", message_name(q->kind->request),
			text[0] != '\0' ? text : problem_errno_text(error));
		pending_error(&q->work, message);
	}
	query_end(q);
}

static void wait_over(struct loop_timer *timer)
{
	reply(LOOP_OWNER(timer, struct query, work.timer), true, 0, "");
}

static void call_done(struct channel_call *call, int error, const char *text)
{
	struct query *q = call->owner;
	uint64_t now = clock_ms();

	if (call->request.verb == CONTROL_EVENTS) {
		q->position = call->position;
		q->lost += call->value;
	} else if (call->position > q->position && !q->is_full) {
		q->position = call->position;
	}
	set_waits(q, error == 0 && q->count == 0 && q->lost == 0 && now < q->wait_until_ms &&
			     q->work.agent->waits < WAITS_MAX);
	if (q->waits)
		pending_set_timer(&q->work, q->wait_until_ms - now, wait_over);
	else
		reply(q, true, error, text);
}

/* If messages arrived, PID 1 is working on the request, but its outcome is unknown. */
static void no_answer(struct loop_timer *timer)
{
	struct query *q = LOOP_OWNER(timer, struct query, work.timer);
	bool under_way = q->kind->outcome && q->count > 0;

	reply(q, under_way, ETIMEDOUT,
		under_way ? "some services are still starting or stopping"
			  : "init does not answer");
}

/* Where the time changes. Without memory there is one less. */
static void note_time(struct query *q, uint64_t position, uint64_t unix_ms)
{
	struct log_time *times;

	if (q->time_count == TIMES_MAX ||
		(q->time_count > 0 && q->times[q->time_count - 1].unix_ms == unix_ms) ||
		(q->time_count == 0 && unix_ms == 0))
		return;
	times = realloc(q->times, (q->time_count + 1) * sizeof(*times));
	if (times == NULL)
		return;
	q->times = times;
	q->times[q->time_count++] = (struct log_time){ position, unix_ms };
}

/*
 * A part of a log. Of what came since a position, the first that fits a frame counts: the client
 * asks again for the rest. Otherwise the last does.
 */
static void take_log(struct query *q, const struct control_message *m)
{
	uint64_t start = m->position - m->length;

	q->is_full = q->is_full || (q->goes_on && q->log.len + m->length > q->log.max);
	if (q->is_full)
		return;
	if (q->goes_on && q->log.len == 0)
		q->is_behind = start > q->call.request.position;
	note_time(q, start, m->value);
	capture_add(&q->log, m->data, m->length);
	q->position = m->position;
}

static void call_item(struct channel_call *call, const struct control_message *m)
{
	struct query *q = call->owner;

	if (m->kind != CONTROL_ITEM)
		return;
	if (m->verb == CONTROL_CHANGES) {
		capture_add(&q->log, m->data, m->length);
		for (size_t i = 0; i < m->length; i++)
			q->lost += m->data[i] == '\0';
		return;
	}
	if (m->verb == CONTROL_LOGS) {
		take_log(q, m);
		return;
	}
	if (q->count == q->size) {
		size_t size = q->size == 0 ? 8 : 2 * q->size;
		struct control_message *items =
			size <= ITEMS_MAX ? realloc(q->items, size * sizeof(*items)) : NULL;

		if (items == NULL)
			return;
		q->items = items;
		q->size = size;
	}
	q->items[q->count++] = *m;
}

static void prepare_call(struct query *q, const struct request *r)
{
	struct channel_call *call = &q->call;

	channel_prepare(call, q->kind->verb);
	call->item = call_item;
	call->done = call_done;
	call->owner = q;
	if (r->kind == REQUEST_LOGS) {
		channel_set_name(call, r->body.logs.service);
		call->request.value = r->body.logs.lines;
		call->request.position = r->body.logs.has_position ? r->body.logs.position : 0;
		q->position = r->body.logs.position;
		q->goes_on = r->body.logs.has_position;
	} else if (r->kind == REQUEST_RESTART || r->kind == REQUEST_RELOAD_SERVICE) {
		channel_set_name(call, r->body.service.service);
	} else if (r->kind == REQUEST_SHUTDOWN) {
		call->request.value = r->body.shutdown.power_off;
	} else if (r->kind == REQUEST_EVENTS) {
		const struct events_request *e = &r->body.events;

		channel_set_name(call, e->service != NULL ? e->service : "");
		call->request.position = e->position;
		if (e->wait_secs > 0)
			q->wait_until_ms =
				clock_ms() +
				1000 * (e->wait_secs < WAIT_MAX_S ? e->wait_secs : WAIT_MAX_S);
	}
}

static void begin_call(struct query *q)
{
	pending_set_timer(&q->work, q->kind->timeout_ms, no_answer);
	if (channel_begin(&q->work.agent->channel, &q->call) != 0)
		reply(q, false, ENOTCONN, "no channel to init");
}

/* A query whose call fails at once is freed, so take `next` before. */
void init_query_events_came(struct agent *a)
{
	struct pending *next;

	for (struct pending *w = a->pending; w != NULL; w = next) {
		struct query *q = LOOP_OWNER(w, struct query, work);

		next = w->next;
		if (w->gone != client_gone || !q->waits)
			continue;
		set_waits(q, false);
		q->call.request.position = q->position;
		begin_call(q);
	}
}

static const struct kind *find_kind(enum message_kind request)
{
	const struct kind *k = kinds;

	while (k->request != request)
		k++;
	return k;
}

void init_query_requested(struct agent *a, struct connection *c, struct request *r)
{
	const struct kind *k = find_kind(r->kind);
	struct query *q;

	if (messages[r->kind].access != ACCESS_FREE)
		log_line("the host asks for %s", message_name(r->kind));
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		connection_error(c, "out of memory", false);
		return;
	}
	q->kind = k;
	q->log.max = r->kind == REQUEST_FS_DIFF ? FS_DIFF_LIST_MAX : INIT_ANSWER_LOG_MAX;
	q->log.keep_last = r->kind != REQUEST_FS_DIFF;
	q->work.gone = client_gone;
	q->work.abandon = abandon;
	pending_begin(&q->work, a, c);
	prepare_call(q, r);
	begin_call(q);
}
