/* SPDX-License-Identifier: MIT */
/* inspect: everything about one guest. doctor: what is wrong with guests, and what to do. */
#include "base/clock.h"
#include "probe/memory.h"
#include "probe/report/guest_facts.h"
#include "probe/show/format.h"
#include "probe/show/out.h"
#include "probe/show/table.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHELL_MS       5000 /* limit for the guest's shell */
#define LOG_LINES      5
#define LOG_QUESTIONS  4 /* most services whose output is shown */
#define NAME_COLUMNS   40
#define DETAIL_COLUMNS 100

/* Two rounds of questions to all targets: to the agents, then to the shells. */
struct rounds {
	struct inquiry *first, *shell;
	char *script;
	uint64_t deadline_ms;
};

/* The time left, at least 1 ms and at most `max` (0: no limit). */
static uint64_t rest(const struct rounds *r, uint64_t max)
{
	uint64_t now = clock_ms(), left = now < r->deadline_ms ? r->deadline_ms - now : 1;

	return max > 0 && left > max ? max : left;
}

static void ask(struct rounds *r, const struct options *o)
{
	const struct exec_request body = { .command = (char *)(uintptr_t)facts_script,
		.timeout_secs = SHELL_MS / 1000,
		.has_timeout = true };
	struct question question = { .kind = REQUEST_EXEC };

	r->script = output_request(REQUEST_EXEC, &body);
	question.request = r->script;
	r->deadline_ms = clock_ms() + o->timeout_ms;
	/* A guest that hangs in this round must leave time for the second. */
	r->first = inquiry_all(o->targets, o->target_count, facts_questions, 4,
		o->timeout_ms - o->timeout_ms / 4, o->parallel);
	r->shell = inquiry_all(
		o->targets, o->target_count, &question, 1, rest(r, SHELL_MS), o->parallel);
}

static void forget(struct rounds *r, size_t count)
{
	inquiry_free_all(r->first, count);
	inquiry_free_all(r->shell, count);
	free(r->script);
}

static bool read_facts(struct rounds *r, size_t n, struct guest_facts *f)
{
	static const struct question exec = { .kind = REQUEST_EXEC };

	inquiry_decode(&r->first[n]);
	r->shell[n].questions = &exec;
	inquiry_decode(&r->shell[n]);
	facts_read(f, &r->first[n]);
	facts_read_shell(f, &r->shell[n]);
	return r->first[n].failure.kind == FAILURE_NONE;
}

/* ---- doctor ---------------------------------------------------------------------------------- */

static json_t *findings_as_json(const struct findings *all)
{
	json_t *array = memory_must(json_array());

	for (size_t i = 0; i < all->count; i++) {
		const struct finding *f = &all->items[i];
		json_t *object = memory_must(json_object());

		output_set(object, "weight", json_string(finding_word(f->weight)));
		output_set(object, "kind", json_string(f->kind));
		output_set(object, "text", output_string(text_of(f->text)));
		output_set(object, "action", output_string(text_of(f->action)));
		json_array_append_new(array, object);
	}
	return array;
}

static int judge(const struct findings *all)
{
	if (all->count == 0 || all->items[0].weight == FINDING_NOTE)
		return EXIT_HEALTHY;
	return all->items[0].weight == FINDING_CRITICAL ? EXIT_CRITICAL : EXIT_UNHEALTHY;
}

static void print_findings(const struct target *t, const struct findings *all)
{
	if (all->count == 0)
		out_printf(stdout, "%s: nothing found\n", t->shown);
	for (size_t i = 0; i < all->count; i++)
		out_printf(stdout, "%s: %s: %s\n  what to do: %s\n", t->shown,
			finding_word(all->items[i].weight), all->items[i].text,
			all->items[i].action);
}

static json_t *doctor_as_json(const struct inquiry *i, const struct findings *all, bool answered)
{
	json_t *object = output_target(i->target);

	output_set(object, "findings", answered ? findings_as_json(all) : json_null());
	output_set(object, "error", output_failure(&i->failure));
	return object;
}

int verb_doctor(const struct options *o)
{
	struct findings *all = memory_must(calloc(1, sizeof(*all)));
	struct output_list list = { .is_array = o->is_many };
	int status = EXIT_HEALTHY;
	struct rounds r;

	ask(&r, o);
	for (size_t n = 0; n < o->target_count; n++) {
		struct guest_facts f;
		bool answered = read_facts(&r, n, &f);
		int one = (int)failure_exit(r.first[n].failure.kind);

		if (answered) {
			findings_make(all, &f);
			one = judge(all);
		}
		if (o->json)
			output_list_add(&list, doctor_as_json(&r.first[n], all, answered));
		else if (answered)
			print_findings(r.first[n].target, all);
		else
			output_error(r.first[n].target, &r.first[n].failure);
		status = one > status ? one : status;
		facts_free(&f);
		inquiry_free(&r.first[n]);
		inquiry_free(&r.shell[n]);
	}
	if (o->json)
		output_list_end(&list);
	forget(&r, o->target_count);
	free(all);
	return status;
}

/* ---- inspect --------------------------------------------------------------------------------- */

static const struct question more_questions[] = { { .kind = REQUEST_HELLO },
	{ .kind = REQUEST_BOOT_TIMELINE } };

static bool is_troubled(const struct service *s)
{
	return !service_is_well(s) || (s->failures.known && s->failures.value > 0);
}

/* Print the last lines of unhealthy services, indented. */
static void print_logs(const struct options *o, const struct guest_facts *f, struct rounds *r)
{
	struct question questions[LOG_QUESTIONS];
	const struct service *services[LOG_QUESTIONS];
	struct inquiry *i;
	size_t count = 0;

	for (size_t n = 0; n < f->services.count && count < LOG_QUESTIONS; n++) {
		const struct service *s = &f->services.items[n];
		char name[FACTS_WORD + 1];
		const struct logs_request body = {
			.service = name, .lines = LOG_LINES, .has_lines = true
		};

		if (!is_troubled(s) || s->name.len >= sizeof(name))
			continue;
		memcpy(name, s->name.bytes, s->name.len);
		name[s->name.len] = '\0';
		services[count] = s;
		questions[count++] =
			(struct question){ REQUEST_LOGS, output_request(REQUEST_LOGS, &body) };
	}
	if (count == 0)
		return;
	i = inquiry_all(o->targets, 1, questions, count, rest(r, 0), 0);
	inquiry_decode(i);
	for (size_t n = 0; n < count; n++) {
		char name[4 * NAME_COLUMNS + 1];
		struct buf b = BUF_OVER(name);
		const char *text =
			i->bodies[n] == NULL
				? NULL
				: json_string_value(json_object_get(i->bodies[n], "text"));

		buf_clear(&b);
		text_put_visible(&b, services[n]->name, NAME_COLUMNS);
		out_printf(stdout, "\nLast output of %s:\n", name);
		for (const char *at = text; at != NULL && *at != '\0';) {
			struct text line = { at, strcspn(at, "\n") };
			char storage[8 * DETAIL_COLUMNS];
			struct buf shown = BUF_OVER(storage);

			buf_clear(&shown);
			text_put_visible(&shown, line, DETAIL_COLUMNS);
			out_printf(stdout, "  %s\n", shown.data);
			at += line.len + (at[line.len] == '\n');
		}
		free((char *)(uintptr_t)questions[n].request);
	}
	inquiry_free_all(i, 1);
}

static void row(struct table *t, const char *head, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void row(struct table *t, const char *head, const char *format, ...)
{
	va_list args;

	table_printf(t, "%s", head);
	va_start(args, format);
	table_vprintf(t, format, args);
	va_end(args);
}

static void text_row(struct table *t, const char *head, struct text text)
{
	table_printf(t, "%s", head);
	table_text(t, text.len > 0 ? text : text_of("-"), DETAIL_COLUMNS);
}

static void print_shell(struct table *t, const struct shell_facts *s)
{
	if (!s->is_known) {
		row(t, "CLOCK, DRIVES", "not known: %s", s->why_not);
		return;
	}
	row(t, "KERNEL", "%s", s->kernel);
	if (s->has_clock)
		row(t, "CLOCK", "%" PRId64 " s ahead of the host's", s->ahead_s);
	row(t, "ADDRESSES", "%s", s->addresses[0] != '\0' ? s->addresses : "none");
	row(t, "MEMORY STALLS", "%s", s->pressure[0] != '\0' ? s->pressure : "not known");
	for (size_t i = 0; i < s->drive_count; i++)
		row(t, i == 0 ? "DRIVES" : "", "%s %u%% full, %" PRIu64 " KiB free",
			s->drives[i].mount_point, s->drives[i].used_percent, s->drives[i].free_kib);
}

static void print_facts(const struct guest_facts *f, const struct inquiry *more)
{
	const json_t *hello = more->bodies[0], *boot = more->bodies[1];
	const json_t *ready = json_object_get(boot, "all_healthy_us");
	char summary[400];
	struct buf b = BUF_OVER(summary);
	struct table t;

	table_start(&t, NULL, 2);
	row(&t, "VM", "%s", f->inquiry->target->name);
	buf_clear(&b);
	health_summary(&f->report, &b, DETAIL_COLUMNS);
	row(&t, "HEALTH", "%s", summary);
	text_row(&t, "WORKER", f->report.worker_status);
	text_row(&t, "AGENT", answer_text(json_object_get(hello, "agent")));
	text_row(&t, "INIT", answer_text(json_object_get(hello, "init")));
	buf_clear(&b);
	format_span(&b, f->uptime_ms.value);
	row(&t, "UP FOR", "%s", f->uptime_ms.known ? summary : "not known");
	if (json_is_integer(ready))
		row(&t, "HEALTHY AFTER", "%lld ms", (long long)json_integer_value(ready) / 1000);
	row(&t, "MEMORY", "%" PRIu64 " of %" PRIu64 " MiB available",
		f->available_bytes.value >> 20, f->memory_bytes.value >> 20);
	row(&t, "SESSIONS", "%" PRIu64 " connections, %" PRIu64 " commands", f->connections.value,
		f->commands.value);
	print_shell(&t, &f->shell);
	table_end(&t, 0, stdout);
}

static void print_services(const struct guest_facts *f)
{
	static const char *const heads[] = { "SERVICE", "STATE", "RESTARTS", "MEMORY", "DETAIL" };
	struct table t;

	putchar('\n');
	table_start(&t, heads, 5);
	for (size_t i = 0; i < f->services.count; i++) {
		const struct service *s = &f->services.items[i];
		char memory[32];
		struct buf b = BUF_OVER(memory);

		buf_clear(&b);
		format_bytes(&b, s->memory_bytes.value);
		table_text(&t, s->name, NAME_COLUMNS);
		table_text(&t, s->state, 20);
		table_printf(&t, "%" PRIu64, s->restarts.value);
		table_printf(&t, "%s", s->memory_bytes.known ? memory : "-");
		table_text(&t, s->reason, DETAIL_COLUMNS);
	}
	table_end(&t, 0, stdout);
}

static json_t *inspect_as_json(
	const struct guest_facts *f, const struct findings *all, const struct inquiry *more)
{
	const struct shell_facts *s = &f->shell;
	json_t *object = output_target(f->inquiry->target), *drives = memory_must(json_array());

	for (size_t i = 0; i < s->drive_count; i++) {
		json_t *drive = memory_must(json_object());

		output_set(drive, "mount_point", json_string(s->drives[i].mount_point));
		output_set(drive, "used_percent", json_integer(s->drives[i].used_percent));
		output_set(drive, "free_bytes",
			json_integer((json_int_t)s->drives[i].free_kib * 1024));
		json_array_append_new(drives, drive);
	}
	output_set(object, "healthy", json_boolean(health_is_good(&f->report)));
	output_set(object, "findings", findings_as_json(all));
	output_set(object, "integrations",
		json_deep_copy(json_object_get(f->inquiry->bodies[0], "integrations")));
	output_set(
		object, "probes", json_deep_copy(json_object_get(f->inquiry->bodies[1], "probes")));
	output_set(object, "metrics", json_deep_copy(f->inquiry->bodies[3]));
	output_set(object, "hello",
		more->bodies[0] != NULL ? json_deep_copy(more->bodies[0]) : json_null());
	output_set(object, "boot",
		more->bodies[1] != NULL ? json_deep_copy(more->bodies[1]) : json_null());
	output_set(object, "kernel", output_string_or_null(text_of(s->kernel)));
	output_set(
		object, "clock_ahead_secs", s->has_clock ? json_integer(s->ahead_s) : json_null());
	output_set(object, "addresses", output_string_or_null(text_of(s->addresses)));
	output_set(object, "drives", drives);
	output_set(object, "error", json_null());
	return object;
}

static int inspect(const struct options *o, struct guest_facts *f, struct rounds *r)
{
	struct findings *all = memory_must(calloc(1, sizeof(*all)));
	struct inquiry *more = inquiry_all(o->targets, 1, more_questions, 2, rest(r, 0), 0);
	int status;

	inquiry_decode(more);
	findings_make(all, f);
	status = judge(all);
	if (o->json) {
		output_json(inspect_as_json(f, all, more));
	} else {
		print_facts(f, more);
		print_services(f);
		print_logs(o, f, r);
		putchar('\n');
		print_findings(f->inquiry->target, all);
	}
	inquiry_free_all(more, 1);
	free(all);
	return status;
}

int verb_inspect(const struct options *o)
{
	struct guest_facts f;
	struct rounds r;
	int status;

	ask(&r, o);
	if (read_facts(&r, 0, &f)) {
		status = inspect(o, &f, &r);
	} else {
		status = (int)failure_exit(r.first->failure.kind);
		if (o->json)
			output_json(doctor_as_json(r.first, NULL, false));
		else
			output_error(r.first->target, &r.first->failure);
	}
	facts_free(&f);
	forget(&r, 1);
	return status;
}
