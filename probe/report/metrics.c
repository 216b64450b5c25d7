/* SPDX-License-Identifier: MIT */
#include "probe/report/metrics.h"

#include "probe/memory.h"
#include "probe/report/service.h"
#include "probe/show/out.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 200
#define LABEL_BYTES   (12 * LABEL_COLUMNS)

enum scale {
	PLAIN,
	MILLISECONDS, /* shown as seconds */
	MICROSECONDS,
};

/* A metric family with one number for each guest: `key` in the object `part`. */
static const struct guest_family {
	const char *name, *type, *unit, *help, *part, *key;
	enum scale scale;
} guest_families[] = {
	{ "mvm_guest_uptime_seconds", "gauge", "seconds", "Time since the guest's kernel started.",
		"guest", "uptime_ms", MILLISECONDS },
	{ "mvm_guest_processors", "gauge", NULL, "Processors of the guest.", "guest", "processors",
		PLAIN },
	{ "mvm_guest_tasks", "gauge", NULL, "Processes and threads in the guest.", "guest", "tasks",
		PLAIN },
	{ "mvm_guest_cpu_seconds", "counter", "seconds", "Processor time used in the guest.",
		"guest", "cpu_us", MICROSECONDS },
	{ "mvm_guest_memory_bytes", "gauge", "bytes", "Memory of the guest.", "guest",
		"memory_bytes", PLAIN },
	{ "mvm_guest_memory_available_bytes", "gauge", "bytes",
		"Memory still available to the guest's programs.", "guest",
		"memory_available_bytes", PLAIN },
	{ "mvm_agent_memory_bytes", "gauge", "bytes", "Resident memory of the agent.", "agent",
		"memory_bytes", PLAIN },
	{ "mvm_agent_connections", "gauge", NULL, "Open connections to the agent.", "agent",
		"connections", PLAIN },
	{ "mvm_agent_requests", "counter", NULL, "Requests that the agent has served.", "agent",
		"requests", PLAIN },
	{ "mvm_agent_commands", "gauge", NULL, "Running commands of the agent.", "agent",
		"commands", PLAIN },
	{ "mvm_agent_commands_cpu_seconds", "counter", "seconds",
		"Processor time of the agent's commands.", "agent", "commands_cpu_us",
		MICROSECONDS },
	{ "mvm_integrations", "gauge", NULL, "Configured integrations.", "integrations", "total",
		PLAIN },
	{ "mvm_integrations_checked", "gauge", NULL, "Integrations with a health check.",
		"integrations", "checked", PLAIN },
	{ "mvm_integrations_healthy", "gauge", NULL, "Healthy integrations.", "integrations",
		"healthy", PLAIN },
	{ "mvm_probes", "gauge", NULL, "Configured probes.", "probes", "total", PLAIN },
	{ "mvm_probes_healthy", "gauge", NULL, "Healthy probes.", "probes", "healthy", PLAIN },
};

/* A metric family with one number for each service: the struct maybe at `offset`. */
static const struct service_family {
	const char *name, *type, *unit, *help;
	size_t offset;
	enum scale scale;
} service_families[] = {
	{ "mvm_service_state_seconds", "gauge", "seconds", "Time in the service's current state.",
		offsetof(struct service, state_ms), MILLISECONDS },
	{ "mvm_service_restarts", "counter", NULL, "Automatic restarts of the service.",
		offsetof(struct service, restarts), PLAIN },
	{ "mvm_service_failures", "gauge", NULL, "Failures of the service in a row.",
		offsetof(struct service, failures), PLAIN },
	{ "mvm_service_exit_code", "gauge", NULL,
		"Exit code of the latest process that ended, or 128 and its signal.",
		offsetof(struct service, exit_code), PLAIN },
	{ "mvm_service_memory_bytes", "gauge", "bytes", "Memory of the service's cgroup.",
		offsetof(struct service, memory_bytes), PLAIN },
	{ "mvm_service_cpu_seconds", "counter", "seconds", "Processor time of the cgroup.",
		offsetof(struct service, cpu_us), MICROSECONDS },
	{ "mvm_service_tasks", "gauge", NULL, "Processes and threads of the cgroup.",
		offsetof(struct service, tasks), PLAIN },
	{ "mvm_service_oom_kills", "counter", NULL, "Processes killed because memory ran out.",
		offsetof(struct service, oom_kills), PLAIN },
};

#define GUEST_FAMILIES   (sizeof(guest_families) / sizeof(guest_families[0]))
#define SERVICE_FAMILIES (sizeof(service_families) / sizeof(service_families[0]))

/* Positions of the families in a page. */
enum {
	PLACE_UP,
	PLACE_GUEST,
	PLACE_RUNNING = PLACE_GUEST + GUEST_FAMILIES,
	PLACE_SERVICE,
	PLACES = PLACE_SERVICE + SERVICE_FAMILIES,
};

_Static_assert(PLACES <= METRICS_FAMILIES_MAX, "a page has no room for all families");

const struct question metrics_question = { .kind = REQUEST_METRICS };

/* ---- samples --------------------------------------------------------------------------------- */

/* Append NAME="VALUE". Escapes characters that end a label or that a terminal acts on. */
static void put_label(struct buf *out, const char *name, struct text value)
{
	char storage[LABEL_BYTES];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, value, LABEL_COLUMNS);
	buf_printf(out, "%s=\"", name);
	for (const char *c = b.data; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			buf_puts(out, "\\");
		buf_put(out, c, 1);
	}
	buf_puts(out, "\"");
}

static void put_sample(FILE *out, const char *name, const char *type, const char *labels,
	uint64_t n, enum scale scale)
{
	static const unsigned int units[] = { 1, 1000, 1000000 };
	const char *total = type[0] == 'c' ? "_total" : "";
	unsigned int unit = units[scale];

	out_printf(out, "%s%s{%s} %llu", name, total, labels, (unsigned long long)(n / unit));
	if (scale != PLAIN)
		fputc('.', out);
	for (unsigned int place = unit / 10; place > 0; place /= 10)
		out_printf(out, "%u", (unsigned int)(n / place % 10));
	fputc('\n', out);
}

/* ---- a guest --------------------------------------------------------------------------------- */

/* True if every field that a family reads is a number or missing. */
static bool check_numbers(const struct shape *metrics)
{
	for (size_t f = 0; f < GUEST_FAMILIES; f++) {
		struct shape whole = *metrics, part = { 0 };
		uint64_t n;

		if (shape_object(&whole, guest_families[f].part, SHAPE_OPTIONAL, &part))
			shape_number(&part, guest_families[f].key, SHAPE_OPTIONAL, &n);
	}
	return !shape_failed(metrics);
}

static void add_guest(struct metrics_page *page, struct shape *metrics, const char *labels)
{
	for (size_t f = 0; f < GUEST_FAMILIES; f++) {
		const struct guest_family *family = &guest_families[f];
		struct shape part = { 0 };
		uint64_t n;

		if (shape_object(metrics, family->part, SHAPE_OPTIONAL, &part) &&
			shape_number(&part, family->key, SHAPE_OPTIONAL, &n))
			put_sample(page->streams[PLACE_GUEST + f], family->name, family->type,
				labels, n, family->scale);
	}
}

static void add_service(struct metrics_page *page, const struct service *s, const char *guest)
{
	char storage[3 * LABEL_BYTES];
	struct buf labels = BUF_OVER(storage);

	buf_clear(&labels);
	buf_printf(&labels, "%s,", guest);
	put_label(&labels, "service", s->name);
	put_sample(page->streams[PLACE_RUNNING], "mvm_service_running", "gauge", labels.data,
		service_is_up(s), PLAIN);
	for (size_t f = 0; f < SERVICE_FAMILIES; f++) {
		const struct service_family *family = &service_families[f];
		const struct maybe *m = (const struct maybe *)((const char *)s + family->offset);

		if (m->known)
			put_sample(page->streams[PLACE_SERVICE + f], family->name, family->type,
				labels.data, m->value, family->scale);
	}
	page->bytes += (1 + SERVICE_FAMILIES) * (labels.len + 40);
}

bool metrics_add(struct metrics_page *page, struct inquiry *i)
{
	char storage[2 * LABEL_BYTES + 64];
	struct buf labels = BUF_OVER(storage);
	struct services services = { 0 };
	struct shape metrics = { 0 };
	bool up = i->failure.kind == FAILURE_NONE &&
		  shape_open(&metrics, i->bodies[0], question_answer(i->questions), &i->failure) &&
		  check_numbers(&metrics) && services_read(&services, &metrics, SHAPE_OPTIONAL);

	buf_clear(&labels);
	put_label(&labels, "vm", text_of(i->target->name));
	buf_puts(&labels, ",");
	put_label(&labels, "target", text_of(i->target->text));
	put_sample(page->streams[PLACE_UP], "mvm_up", "gauge", labels.data, up, PLAIN);
	if (up) {
		add_guest(page, &metrics, labels.data);
		page->cut_short += page->bytes > METRICS_TEXT_MAX;
		for (size_t n = 0; page->bytes <= METRICS_TEXT_MAX && n < services.count; n++)
			add_service(page, &services.items[n], labels.data);
	}
	services_free(&services);
	return up;
}

/* ---- the page -------------------------------------------------------------------------------- */

void metrics_start(struct metrics_page *page, enum metrics_format format)
{
	*page = (struct metrics_page){ .format = format };
	for (size_t f = 0; f < PLACES; f++)
		page->streams[f] = memory_must(open_memstream(&page->texts[f], &page->lens[f]));
}

void metrics_head(enum metrics_format format, const char *name, const char *type, const char *unit,
	const char *help, FILE *out)
{
	bool is_open = format == METRICS_OPENMETRICS;
	const char *total = !is_open && strcmp(type, "counter") == 0 ? "_total" : "";

	out_printf(out, "# TYPE %s%s %s\n", name, total, type);
	if (unit != NULL && is_open)
		out_printf(out, "# UNIT %s %s\n", name, unit);
	out_printf(out, "# HELP %s%s %s\n", name, total, help);
}

static void put_samples(struct metrics_page *page, size_t place, FILE *out)
{
	fclose(page->streams[place]);
	fwrite(page->texts[place], 1, page->lens[place], out);
	free(page->texts[place]);
}

void metrics_drop(struct metrics_page *page)
{
	for (size_t f = 0; f < PLACES; f++) {
		fclose(page->streams[f]);
		free(page->texts[f]);
	}
}

void metrics_end(struct metrics_page *page, FILE *out)
{
	metrics_head(
		page->format, "mvm_up", "gauge", NULL, "Whether the guest's agent answers.", out);
	put_samples(page, PLACE_UP, out);
	for (size_t f = 0; f < GUEST_FAMILIES; f++) {
		const struct guest_family *family = &guest_families[f];

		metrics_head(
			page->format, family->name, family->type, family->unit, family->help, out);
		put_samples(page, PLACE_GUEST + f, out);
	}
	metrics_head(page->format, "mvm_service_running", "gauge", NULL,
		"Whether the service runs.", out);
	put_samples(page, PLACE_RUNNING, out);
	for (size_t f = 0; f < SERVICE_FAMILIES; f++) {
		const struct service_family *family = &service_families[f];

		metrics_head(
			page->format, family->name, family->type, family->unit, family->help, out);
		put_samples(page, PLACE_SERVICE + f, out);
	}
}
