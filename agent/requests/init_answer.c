/* SPDX-License-Identifier: MIT */
#include "agent/requests/init_answer.h"

#include "agent/state.h"
#include "base/clock.h"
#include "base/file.h"
#include "protocol/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PROTOCOL_ADDITIONS 1 /* version of the messages that mvm does not have */

/* ---- parts ----------------------------------------------------------------------------------- */

/* NULL, which is null in JSON, for empty text. */
static char *text_or_null(const char *text)
{
	return text[0] != '\0' ? (char *)(uintptr_t)text : NULL;
}

static uint64_t known_if(bool known, int64_t n)
{
	return known ? (uint64_t)n : FIELD_UNKNOWN;
}

/* For service_at() and others: the answer, and room for the current item. */
struct list_source {
	const struct init_answer *answer;
	size_t message, number; /* events: position of the next one */
	union {
		struct service_entry service;
		struct boot_stage stage;
		struct event_entry event;
		const char *text;
	} item;
};

static struct field_list list_of(
	struct list_source *from, size_t count, const void *(*at)(void *source, size_t index))
{
	return (struct field_list){ .items = from, .count = count, .at = at };
}

static const void *service_at(void *source, size_t index)
{
	struct list_source *from = source;
	const struct control_service *s = &from->answer->items[index].service;

	/* The ids are UINT32_MAX if the service's user is unknown. */
	from->item.service = (struct service_entry){ .name = (char *)(uintptr_t)s->name,
		.state = text_or_null(s->state),
		.reason = text_or_null(s->reason),
		.pid = known_if(s->pid > 0, s->pid),
		.uid = known_if(s->uid != UINT32_MAX, s->uid),
		.gid = known_if(s->gid != UINT32_MAX, s->gid),
		.state_ms = s->state_ms,
		.restarts = s->restarts,
		.failures = s->failures,
		.next_start_ms = s->next_start_ms,
		.exit_code = known_if(s->exit_code >= 0, s->exit_code),
		.built_in = s->built_in != 0,
		.memory_bytes = s->memory_bytes,
		.cpu_us = s->cpu_us,
		.tasks = s->tasks,
		.oom_kills = s->oom_kills };
	return &from->item.service;
}

/* ---- replies --------------------------------------------------------------------------------- */

void init_answer_hello(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	const char *names[REQUEST_KINDS];
	struct hello_answer hello = { .protocol = PROTOCOL_ADDITIONS,
		.agent = PROGRAM_VERSION,
		.init = a->count > 0 ? text_or_null(a->items[0].text) : NULL,
		.requests.items = names };

	for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++)
		if (a->agent->serves[kind] && (a->is_later || message_is_old(kind)))
			names[hello.requests.count++] = message_name(kind);
	message_encode(b, ANSWER_HELLO, &hello);
}

void init_answer_services(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	struct list_source from = { .answer = a };
	struct list_answer services = { list_of(&from, a->count, service_at) };

	message_encode(b, ANSWER_SERVICES, &services);
}

void init_answer_logs(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	struct logs_answer logs = { .text = { (char *)(uintptr_t)a->log, a->log_len },
		.position = a->position,
		.cut = a->log_cut,
		.times = { .items = (void *)(uintptr_t)a->times, .count = a->time_count } };

	message_encode(b, ANSWER_LOGS, &logs);
}

static const void *stage_at(void *source, size_t index)
{
	struct list_source *from = source;
	const struct control_step *s = &from->answer->items[index].step;

	from->item.stage = (struct boot_stage){ .name = (char *)(uintptr_t)s->name,
		.start_us = s->start_us,
		.duration_us = s->duration_us,
		.success = s->error == 0,
		.detail = text_or_null(s->error != 0 && s->text[0] == '\0'
					       ? problem_errno_text(s->error)
					       : s->text) };
	return &from->item.stage;
}

void init_answer_timeline(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	uint64_t healthy_ms = a->agent->integrations.all_healthy_ms;
	struct list_source from = { .answer = a };
	/* clock_ms() starts at boot, so it can be shown as a time since boot. */
	struct boot_timeline timeline = { .stages = list_of(&from, a->count, stage_at),
		.all_healthy_us = healthy_ms > 0 ? healthy_ms * 1000 : FIELD_UNKNOWN };

	message_encode(b, ANSWER_BOOT_TIMELINE, &timeline);
}

static char *detail_of(const struct init_answer *a)
{
	return text_or_null(
		a->text[0] == '\0' && a->error != 0 ? problem_errno_text(a->error) : a->text);
}

static void put_outcome(struct buf *b, enum message_kind kind, const struct init_answer *a)
{
	struct ack_answer ack = { .success = a->error == 0, .detail = detail_of(a) };

	message_encode(b, kind, &ack);
}

void init_answer_restart(struct buf *b, const void *arg)
{
	put_outcome(b, ANSWER_RESTART, arg);
}

void init_answer_reload_service(struct buf *b, const void *arg)
{
	put_outcome(b, ANSWER_RELOAD_SERVICE, arg);
}

void init_answer_shutdown(struct buf *b, const void *arg)
{
	put_outcome(b, ANSWER_SHUTDOWN, arg);
}

/* ---- events and reload ----------------------------------------------------------------------- */

/* A message of PID 1 has up to CONTROL_TRANSITIONS_MAX events. */
static const void *event_at(void *source, size_t index)
{
	struct list_source *from = source;
	const struct control_transition *t;

	(void)index;
	while (from->number == from->answer->items[from->message].value) {
		from->message++;
		from->number = 0;
	}
	t = &from->answer->items[from->message].transitions[from->number++];
	from->item.event = (struct event_entry){ .number = t->number,
		.at_ms = t->at_ms,
		.service = text_or_null(t->name),
		.before = text_or_null(t->before),
		.after = text_or_null(t->after),
		.cause = text_or_null(t->cause),
		.reason = text_or_null(t->reason),
		.pid = known_if(t->pid > 0, t->pid),
		.exit_code = known_if(t->exit_code >= 0, t->exit_code) };
	return &from->item.event;
}

void init_answer_events(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	struct list_source from = { .answer = a };
	struct events_answer events = { .position = a->position, .lost = a->lost };
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++)
		count += a->items[i].value;
	events.events = list_of(&from, count, event_at);
	message_encode(b, ANSWER_EVENTS, &events);
}

static const void *bad_at(void *source, size_t index)
{
	struct list_source *from = source;

	from->item.text = from->answer->items[1 + index].text;
	return &from->item.text;
}

/* How many messages about bad files fit half a frame. */
static size_t count_bad(const struct init_answer *a)
{
	size_t size = 0, count = 0;

	while (1 + count < a->count && size < PROTOCOL_BODY_MAX / 2)
		size += json_lossy_size(a->items[1 + count++].text) + 1;
	return count;
}

/* PID 1 sends the counts first, then a message for each bad file. */
void init_answer_reload(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	const struct control_reload *r = a->count > 0 ? &a->items[0].reload : NULL;
	struct list_source from = { .answer = a };
	struct reload_result result = { .success = a->error == 0 && a->count <= 1,
		.detail = detail_of(a),
		.started = r != NULL ? r->started : FIELD_UNKNOWN,
		.stopped = r != NULL ? r->stopped : FIELD_UNKNOWN,
		.restarted = r != NULL ? r->restarted : FIELD_UNKNOWN,
		.unchanged = r != NULL ? r->unchanged : FIELD_UNKNOWN,
		.bad = list_of(&from, count_bad(a), bad_at) };

	message_encode(b, ANSWER_RELOAD, &result);
}

/* ---- metrics --------------------------------------------------------------------------------- */

/* The bytes of a line "KEY:   123 kB" of /proc/meminfo. */
static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL ? strtoull(at + strlen(key), NULL, 10) * 1024 : FIELD_UNKNOWN;
}

static struct guest_metrics guest_metrics(void)
{
	char text[4096];
	bool read = file_read("/proc/meminfo", text, sizeof(text), NULL) == 0;
	struct sysinfo info;

	return (struct guest_metrics){ .uptime_ms = clock_ms(),
		.processors = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
		.tasks = sysinfo(&info) == 0 ? info.procs : FIELD_UNKNOWN,
		.cpu_us = activity_used_us(),
		.memory_bytes = read ? meminfo(text, "MemTotal:") : FIELD_UNKNOWN,
		.memory_available_bytes = read ? meminfo(text, "MemAvailable:") : FIELD_UNKNOWN };
}

/* The second number of statm is the resident size in pages (proc(5)). */
static uint64_t resident_bytes(void)
{
	char text[128], *end;

	if (file_read("/proc/self/statm", text, sizeof(text), NULL) != 0)
		return FIELD_UNKNOWN;
	strtoull(text, &end, 10);
	return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct agent_metrics agent_metrics(const struct agent *a)
{
	uint64_t running = 0;

	for (const struct job *job = a->jobs.running; job != NULL; job = job->next)
		running++;
	return (struct agent_metrics){ .version = PROGRAM_VERSION,
		.memory_bytes = resident_bytes(),
		.connections = a->server.count,
		.requests = a->server.requests,
		.commands = running,
		.commands_cpu_us = a->jobs.used_us };
}

static struct checks_summary checks_summary(const struct monitors *m)
{
	struct checks_summary sum = { .total = m->count };

	for (size_t i = 0; i < m->count; i++) {
		sum.checked += m->items[i]->definition.command != NULL;
		sum.healthy += m->items[i]->check.result.healthy;
	}
	return sum;
}

void init_answer_metrics(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	struct list_source from = { .answer = a };
	struct metrics_answer metrics = { .guest = guest_metrics(),
		.agent = agent_metrics(a->agent),
		.integrations = checks_summary(&a->agent->integrations),
		.probes = checks_summary(&a->agent->probes),
		.services = list_of(&from, a->count, service_at),
		.has_services = a->connected && a->error == 0 };

	message_encode(b, ANSWER_METRICS, &metrics);
}
