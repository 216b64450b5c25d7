/* SPDX-License-Identifier: MIT */
/* All numbers of one guest or many as OpenMetrics text (openmetrics.io, version 1.0.0). */
#include "probe/memory.h"
#include "probe/report/service.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/inquiry.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 200

enum scale {
	PLAIN,
	MILLISECONDS, /* shown as seconds */
	MICROSECONDS,
};

/* A family of metrics from one number of each guest: `key` in the object `part`. */
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
		"Memory that the guest's programs can still get.", "guest",
		"memory_available_bytes", PLAIN },
	{ "mvm_agent_memory_bytes", "gauge", "bytes", "Resident memory of the agent.", "agent",
		"memory_bytes", PLAIN },
	{ "mvm_agent_connections", "gauge", NULL, "Open connections to the agent.", "agent",
		"connections", PLAIN },
	{ "mvm_agent_requests", "counter", NULL, "Requests that the agent has had.", "agent",
		"requests", PLAIN },
	{ "mvm_agent_commands", "gauge", NULL, "Commands of the agent that run.", "agent",
		"commands", PLAIN },
	{ "mvm_agent_commands_cpu_seconds", "counter", "seconds",
		"Processor time of the agent's commands.", "agent", "commands_cpu_us",
		MICROSECONDS },
	{ "mvm_integrations", "gauge", NULL, "Integrations that are configured.", "integrations",
		"total", PLAIN },
	{ "mvm_integrations_checked", "gauge", NULL, "Integrations with a health check.",
		"integrations", "checked", PLAIN },
	{ "mvm_integrations_healthy", "gauge", NULL, "Integrations that are healthy.",
		"integrations", "healthy", PLAIN },
	{ "mvm_probes", "gauge", NULL, "Probes that are configured.", "probes", "total", PLAIN },
	{ "mvm_probes_healthy", "gauge", NULL, "Probes that are healthy.", "probes", "healthy",
		PLAIN },
};

/* A family from one number of each service: the struct maybe at `offset`. */
static const struct service_family {
	const char *name, *type, *unit, *help;
	size_t offset;
	enum scale scale;
} service_families[] = {
	{ "mvm_service_state_seconds", "gauge", "seconds",
		"For how long the service is in its state.", offsetof(struct service, state_ms),
		MILLISECONDS },
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
	{ "mvm_service_oom_kills", "counter", NULL, "Processes killed for want of memory.",
		offsetof(struct service, oom_kills), PLAIN },
};

/* What one target has answered. */
struct guest {
	struct inquiry *inquiry;
	struct shape shape;
	struct services services;
	bool up;
};

/* ---- reading --------------------------------------------------------------------------------- */

/* Every number that a family will ask for must be one, or missing. */
static void check_numbers(struct guest *g)
{
	for (size_t f = 0; f < sizeof(guest_families) / sizeof(guest_families[0]); f++) {
		struct shape part = { 0 };
		uint64_t n;

		if (shape_object(&g->shape, guest_families[f].part, SHAPE_OPTIONAL, &part))
			shape_number(&part, guest_families[f].key, SHAPE_OPTIONAL, &n);
	}
}

static void read_guest(struct guest *g, struct inquiry *i)
{
	*g = (struct guest){ .inquiry = i };
	if (i->failure.kind != FAILURE_NONE ||
		!shape_open(&g->shape, i->bodies[0], question_answer(i->questions), &i->failure))
		return;
	check_numbers(g);
	services_read(&g->services, &g->shape, SHAPE_OPTIONAL);
	g->up = i->failure.kind == FAILURE_NONE;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_head(const char *name, const char *type, const char *unit, const char *help)
{
	printf("# TYPE %s %s\n", name, type);
	if (unit != NULL)
		printf("# UNIT %s %s\n", name, unit);
	printf("# HELP %s %s\n", name, help);
}

/* What could end a label, or act on a terminal, is escaped. */
static void print_label(const char *name, struct text value)
{
	char storage[12 * LABEL_COLUMNS];
	struct buf b = BUF_OVER(storage);

	buf_clear(&b);
	text_put_visible(&b, value, LABEL_COLUMNS);
	printf("%s=\"", name);
	for (const char *c = b.data; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		putchar(*c);
	}
	putchar('"');
}

/* The name and the labels of a sample; the caller goes on with " VALUE". */
static void print_sample(
	const char *name, const char *type, const struct guest *g, const struct service *s)
{
	printf("%s%s{", name, strcmp(type, "counter") == 0 ? "_total" : "");
	print_label("vm", text_of(g->inquiry->target->name));
	putchar(',');
	print_label("target", text_of(g->inquiry->target->text));
	if (s != NULL) {
		putchar(',');
		print_label("service", s->name);
	}
	putchar('}');
}

static void print_value(uint64_t n, enum scale scale)
{
	unsigned long long value = n;

	switch (scale) {
	case PLAIN:
		printf(" %llu\n", value);
		break;
	case MILLISECONDS:
		printf(" %llu.%03llu\n", value / 1000, value % 1000);
		break;
	case MICROSECONDS:
		printf(" %llu.%06llu\n", value / 1000000, value % 1000000);
		break;
	}
}

static void print_up(const struct guest *guests, size_t count)
{
	print_head("mvm_up", "gauge", NULL, "Whether the guest's agent answers.");
	for (size_t n = 0; n < count; n++) {
		print_sample("mvm_up", "gauge", &guests[n], NULL);
		print_value(guests[n].up, PLAIN);
	}
}

static void print_guest_family(
	const struct guest_family *f, const struct guest *guests, size_t count)
{
	print_head(f->name, f->type, f->unit, f->help);
	for (size_t n = 0; n < count; n++) {
		struct shape s = guests[n].shape, part = { 0 };
		uint64_t value;

		if (!guests[n].up || !shape_object(&s, f->part, SHAPE_OPTIONAL, &part) ||
			!shape_number(&part, f->key, SHAPE_OPTIONAL, &value))
			continue;
		print_sample(f->name, f->type, &guests[n], NULL);
		print_value(value, f->scale);
	}
}

static void print_service_family(
	const struct service_family *f, const struct guest *guests, size_t count)
{
	print_head(f->name, f->type, f->unit, f->help);
	for (size_t n = 0; n < count; n++) {
		for (size_t i = 0; guests[n].up && i < guests[n].services.count; i++) {
			const struct service *s = &guests[n].services.items[i];
			const struct maybe *m = (const struct maybe *)((const char *)s + f->offset);

			if (!m->known)
				continue;
			print_sample(f->name, f->type, &guests[n], s);
			print_value(m->value, f->scale);
		}
	}
}

static void print_running(const struct guest *guests, size_t count)
{
	print_head("mvm_service_running", "gauge", NULL, "Whether the service runs.");
	for (size_t n = 0; n < count; n++) {
		for (size_t i = 0; guests[n].up && i < guests[n].services.count; i++) {
			const struct service *s = &guests[n].services.items[i];

			print_sample("mvm_service_running", "gauge", &guests[n], s);
			print_value(service_state_is(s, "running"), PLAIN);
		}
	}
}

static void print_openmetrics(const struct guest *guests, size_t count)
{
	print_up(guests, count);
	for (size_t f = 0; f < sizeof(guest_families) / sizeof(guest_families[0]); f++)
		print_guest_family(&guest_families[f], guests, count);
	print_running(guests, count);
	for (size_t f = 0; f < sizeof(service_families) / sizeof(service_families[0]); f++)
		print_service_family(&service_families[f], guests, count);
	puts("# EOF");
}

static void print_json(const struct guest *guests, size_t count)
{
	json_t *array = memory_must(json_array());

	for (size_t n = 0; n < count; n++) {
		const struct inquiry *i = guests[n].inquiry;
		json_t *object = output_target(i->target);

		output_set(object, "metrics",
			guests[n].up ? json_deep_copy(i->bodies[0]) : json_null());
		output_set(object, "error", output_failure(&i->failure));
		json_array_append_new(array, object);
	}
	output_json(output_one_or_all(array));
}

int verb_metrics(const struct options *o)
{
	struct inquiry *all = inquiry_all(o->targets, o->target_count,
		&(struct question){ .kind = REQUEST_METRICS }, 1, o->timeout_ms);
	struct guest *guests = memory_must(calloc(o->target_count, sizeof(*guests)));
	int status = EXIT_HEALTHY;

	for (size_t n = 0; n < o->target_count; n++) {
		int one;

		read_guest(&guests[n], &all[n]);
		one = (int)failure_exit(all[n].failure.kind);
		status = one > status ? one : status;
		if (!o->json && !guests[n].up)
			output_error(all[n].target, &all[n].failure);
	}
	if (o->json)
		print_json(guests, o->target_count);
	else
		print_openmetrics(guests, o->target_count);
	for (size_t n = 0; n < o->target_count; n++)
		services_free(&guests[n].services);
	free(guests);
	inquiry_free_all(all, o->target_count);
	return status;
}
