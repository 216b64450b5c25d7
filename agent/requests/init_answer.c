/* SPDX-License-Identifier: MIT */
#include "agent/requests/init_answer.h"

#include "agent/state.h"
#include "base/clock.h"
#include "base/file.h"
#include "protocol/json.h"
#include "protocol/messages.h"
#include "protocol/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PROTOCOL_ADDITIONS 1 /* the version of what mvm does not have */

/* ---- parts ----------------------------------------------------------------------------------- */

/* Append ,"key":number, or null for what is not known. */
static void put_number(struct buf *b, const char *key, uint64_t n)
{
	buf_printf(b, ",\"%s\":", key);
	if (n == UINT64_MAX)
		buf_puts(b, "null");
	else
		buf_printf(b, "%" PRIu64, n);
}

/* Append ,"key":text, or null for no text. */
static void put_text(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	if (text[0] == '\0')
		buf_puts(b, "null");
	else
		json_put_lossy(b, text, strlen(text));
}

/* A service whose user is unknown has none. */
static void put_id(struct buf *b, const char *name, uint32_t id)
{
	put_number(b, name, id != UINT32_MAX ? id : UINT64_MAX);
}

static void put_service(struct buf *b, const struct control_service *s)
{
	buf_puts(b, "{\"name\":");
	json_put_lossy(b, s->name, strlen(s->name));
	put_text(b, "state", s->state);
	put_text(b, "reason", s->reason);
	put_number(b, "pid", s->pid > 0 ? (uint64_t)s->pid : UINT64_MAX);
	put_id(b, "uid", s->uid);
	put_id(b, "gid", s->gid);
	put_number(b, "state_ms", s->state_ms);
	put_number(b, "restarts", s->restarts);
	put_number(b, "failures", s->failures);
	put_number(b, "next_start_ms", s->next_start_ms);
	put_number(b, "exit_code", s->exit_code >= 0 ? (uint64_t)s->exit_code : UINT64_MAX);
	buf_printf(b, ",\"built_in\":%s", s->built_in != 0 ? "true" : "false");
	put_number(b, "memory_bytes", s->memory_bytes);
	put_number(b, "cpu_us", s->cpu_us);
	put_number(b, "tasks", s->tasks);
	put_number(b, "oom_kills", s->oom_kills);
	buf_puts(b, "}");
}

static void put_services(struct buf *b, const struct init_answer *a)
{
	buf_puts(b, "[");
	for (size_t i = 0; i < a->count; i++) {
		buf_puts(b, i > 0 ? "," : "");
		put_service(b, &a->items[i].service);
	}
	buf_puts(b, "]");
}

/* ---- replies --------------------------------------------------------------------------------- */

void init_answer_hello(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	const char *names[REQUEST_KINDS];
	struct hello_answer hello = { .protocol = PROTOCOL_ADDITIONS,
		.agent = PROGRAM_VERSION,
		.init = a->count > 0 && a->items[0].text[0] != '\0' ? (char *)a->items[0].text
								    : NULL,
		.requests.items = names };

	for (enum message_kind kind = 0; kind < REQUEST_KINDS; kind++)
		if (a->agent->serves[kind] && (a->is_later || message_is_old(kind)))
			names[hello.requests.count++] = message_name(kind);
	message_encode(b, ANSWER_HELLO, &hello);
}

void init_answer_services(struct buf *b, const void *arg)
{
	message_begin(b, ANSWER_SERVICES);
	buf_puts(b, "{\"services\":");
	put_services(b, arg);
	buf_puts(b, "}");
	message_end(b);
}

void init_answer_logs(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;

	message_begin(b, ANSWER_LOGS);
	buf_puts(b, "{\"text\":");
	json_put_lossy(b, a->log != NULL ? a->log : "", a->log_len);
	buf_printf(b, ",\"position\":%" PRIu64 ",\"cut\":%s}", a->position,
		a->log_cut ? "true" : "false");
	message_end(b);
}

static void put_stage(struct buf *b, const char *name, uint64_t start_us, uint64_t duration_us,
	int error, const char *text)
{
	buf_puts(b, "{\"name\":");
	json_put_lossy(b, name, strlen(name));
	put_number(b, "start_us", start_us);
	put_number(b, "duration_us", duration_us);
	buf_printf(b, ",\"success\":%s", error == 0 ? "true" : "false");
	put_text(b, "detail", error != 0 && text[0] == '\0' ? problem_errno_text(error) : text);
	buf_puts(b, "}");
}

void init_answer_timeline(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	uint64_t healthy_ms = a->agent->integrations.all_healthy_ms;

	message_begin(b, ANSWER_BOOT_TIMELINE);
	buf_puts(b, "{\"stages\":[");
	for (size_t i = 0; i < a->count; i++) {
		const struct control_step *s = &a->items[i].step;

		buf_puts(b, i > 0 ? "," : "");
		put_stage(b, s->name, s->start_us, s->duration_us, s->error, s->text);
	}
	/* The kernel's clock starts with it. */
	buf_puts(b, "]");
	put_number(b, "all_healthy_us", healthy_ms > 0 ? healthy_ms * 1000 : UINT64_MAX);
	buf_puts(b, "}");
	message_end(b);
}

/* Begin a message with how it went. */
static void put_success(
	struct buf *b, enum message_kind kind, const struct init_answer *a, bool success)
{
	const char *text =
		a->text[0] == '\0' && a->error != 0 ? problem_errno_text(a->error) : a->text;

	message_begin(b, kind);
	buf_printf(b, "{\"success\":%s", success ? "true" : "false");
	put_text(b, "detail", text);
}

static void put_outcome(struct buf *b, enum message_kind kind, const struct init_answer *a)
{
	put_success(b, kind, a, a->error == 0);
	buf_puts(b, "}");
	message_end(b);
}

void init_answer_restart(struct buf *b, const void *arg)
{
	put_outcome(b, ANSWER_RESTART, arg);
}

void init_answer_shutdown(struct buf *b, const void *arg)
{
	put_outcome(b, ANSWER_SHUTDOWN, arg);
}

/* ---- events and reload ----------------------------------------------------------------------- */

static void put_transition(struct buf *b, const struct control_transition *t)
{
	buf_printf(b, "{\"number\":%" PRIu64, t->number);
	put_number(b, "at_ms", t->at_ms);
	put_text(b, "service", t->name);
	put_text(b, "before", t->before);
	put_text(b, "after", t->after);
	put_text(b, "cause", t->cause);
	put_text(b, "reason", t->reason);
	put_number(b, "pid", t->pid > 0 ? (uint64_t)t->pid : UINT64_MAX);
	put_number(b, "exit_code", t->exit_code >= 0 ? (uint64_t)t->exit_code : UINT64_MAX);
	buf_puts(b, "}");
}

void init_answer_events(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	bool first = true;

	message_begin(b, ANSWER_EVENTS);
	buf_puts(b, "{\"events\":[");
	for (size_t i = 0; i < a->count; i++) {
		for (uint64_t n = 0; n < a->items[i].value; n++) {
			buf_puts(b, first ? "" : ",");
			put_transition(b, &a->items[i].transitions[n]);
			first = false;
		}
	}
	buf_printf(b, "],\"position\":%" PRIu64, a->position);
	put_number(b, "lost", a->lost);
	buf_puts(b, "}");
	message_end(b);
}

/* PID 1 sends the numbers first, and then what is wrong: of that, what fits a frame. */
void init_answer_reload(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;
	const struct control_reload *r = a->count > 0 ? &a->items[0].reload : NULL;

	put_success(b, ANSWER_RELOAD, a, a->error == 0 && a->count <= 1);
	put_number(b, "started", r != NULL ? r->started : UINT64_MAX);
	put_number(b, "stopped", r != NULL ? r->stopped : UINT64_MAX);
	put_number(b, "restarted", r != NULL ? r->restarted : UINT64_MAX);
	put_number(b, "unchanged", r != NULL ? r->unchanged : UINT64_MAX);
	buf_puts(b, ",\"bad\":[");
	for (size_t i = 1; i < a->count && b->len < PROTOCOL_BODY_MAX / 2; i++) {
		buf_puts(b, i > 1 ? "," : "");
		json_put_lossy(b, a->items[i].text, strlen(a->items[i].text));
	}
	buf_puts(b, "]}");
	message_end(b);
}

/* ---- metrics --------------------------------------------------------------------------------- */

/* The value of a line "KEY:   123 kB" of /proc/meminfo, in bytes. */
static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL ? strtoull(at + strlen(key), NULL, 10) * 1024 : UINT64_MAX;
}

static void put_guest(struct buf *b)
{
	char text[4096];
	bool read = file_read("/proc/meminfo", text, sizeof(text), NULL) == 0;
	struct sysinfo info;

	buf_printf(b, "{\"uptime_ms\":%" PRIu64, clock_ms());
	put_number(b, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	put_number(b, "tasks", sysinfo(&info) == 0 ? info.procs : UINT64_MAX);
	put_number(b, "cpu_us", activity_used_us());
	put_number(b, "memory_bytes", read ? meminfo(text, "MemTotal:") : UINT64_MAX);
	put_number(b, "memory_available_bytes", read ? meminfo(text, "MemAvailable:") : UINT64_MAX);
	buf_puts(b, "}");
}

/* statm's second number is the resident size in pages (proc(5)). */
static uint64_t resident_bytes(void)
{
	char text[128], *end;

	if (file_read("/proc/self/statm", text, sizeof(text), NULL) != 0)
		return UINT64_MAX;
	strtoull(text, &end, 10);
	return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_agent(struct buf *b, const struct agent *a)
{
	uint64_t running = 0;

	for (const struct job *job = a->jobs.running; job != NULL; job = job->next)
		running++;
	buf_puts(b, "{\"version\":");
	json_put_text(b, PROGRAM_VERSION);
	put_number(b, "memory_bytes", resident_bytes());
	put_number(b, "connections", a->server.count);
	put_number(b, "requests", a->server.requests);
	put_number(b, "commands", running);
	put_number(b, "commands_cpu_us", a->jobs.used_us);
	buf_puts(b, "}");
}

static void put_checks(struct buf *b, const char *key, const struct monitors *m)
{
	uint64_t checked = 0, healthy = 0;

	for (size_t i = 0; i < m->count; i++) {
		checked += m->items[i]->definition.command != NULL;
		healthy += m->items[i]->check.result.healthy;
	}
	buf_printf(b, ",\"%s\":{\"total\":%zu", key, m->count);
	put_number(b, "checked", checked);
	put_number(b, "healthy", healthy);
	buf_puts(b, "}");
}

void init_answer_metrics(struct buf *b, const void *arg)
{
	const struct init_answer *a = arg;

	message_begin(b, ANSWER_METRICS);
	buf_puts(b, "{\"guest\":");
	put_guest(b);
	buf_puts(b, ",\"agent\":");
	put_agent(b, a->agent);
	put_checks(b, "integrations", &a->agent->integrations);
	put_checks(b, "probes", &a->agent->probes);
	buf_puts(b, ",\"services\":");
	if (a->connected && a->error == 0)
		put_services(b, a);
	else
		buf_puts(b, "null");
	buf_puts(b, "}");
	message_end(b);
}
