/* SPDX-License-Identifier: MIT */
#include "agent/checks/monitor.h"

#include "agent/checks/check.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

void monitors_init(struct monitors *m, enum definition_kind kind, const char *directory,
	struct checker *checker)
{
	*m = (struct monitors){ .kind = kind,
		.directory = directory,
		.checker = checker,
		.first_start_ms = clock_ms(),
		.first_start_at = time(NULL) };
}

static void monitor_free(struct monitor *monitor)
{
	check_free(&monitor->check);
	definition_free(&monitor->definition);
	free(monitor);
}

struct monitor *monitors_find(const struct monitors *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->items[i]->definition.name, name) == 0)
			return m->items[i];
	return NULL;
}

static uint64_t grace_ms(const struct definition *d)
{
	return d->grace_secs == 0 ? 0 : schedule_ms(d->grace_secs);
}

void monitors_set_first_start(struct monitors *m, uint64_t first_start_ms, time_t first_start_at)
{
	m->first_start_ms = first_start_ms;
	m->first_start_at = first_start_at;
	for (size_t i = 0; i < m->count; i++)
		m->items[i]->check.quiet_until_ms =
			first_start_ms + grace_ms(&m->items[i]->definition);
}

enum monitor_status monitor_status(
	const struct monitor *monitor, uint64_t first_start_ms, uint64_t now_ms)
{
	const struct check_result *r = &monitor->check.result;
	bool starting = now_ms - first_start_ms < grace_ms(&monitor->definition);

	if ((r->known && r->healthy) || (monitor->definition.command == NULL && !monitor->is_down))
		return MONITOR_ACTIVE;
	if (starting)
		return MONITOR_STARTING;
	return r->known ? MONITOR_ERROR : MONITOR_PENDING;
}

bool monitors_have_unchecked(const struct monitors *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i]->definition.command == NULL)
			return true;
	return false;
}

void monitors_note_service(const struct monitors *m, const char *name, const char *state)
{
	struct monitor *monitor = monitors_find(m, name);

	if (monitor != NULL)
		monitor->is_down = strcmp(state, "running") != 0 && strcmp(state, "exited") != 0;
}

/* ---- reading the directory ------------------------------------------------------------------- */

/* Create a monitor, which takes over the definition. */
static struct monitor *monitor_new(const struct monitors *m, struct definition *d)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	struct check *c;

	if (monitor == NULL)
		return NULL;
	monitor->definition = *d;
	*d = (struct definition){ 0 };
	d = &monitor->definition;
	c = &monitor->check;
	c->kind = m->kind == DEFINITION_PROBE ? "probe" : "health check";
	c->name = d->name;
	c->command = d->command;
	c->user = d->user;
	c->json_output = d->output == DEFINITION_OUTPUT_JSON;
	c->interval_ms = schedule_ms(d->interval_secs);
	c->timeout_ms = schedule_ms(d->timeout_secs);
	c->quiet_until_ms = m->first_start_ms + grace_ms(d);
	check_init(c, m->checker);
	return monitor;
}

/* Keep what is known under this name, but not the result of a check that was removed. */
static void inherit(struct monitor *monitor, struct monitor *old)
{
	if (monitor->definition.command != NULL) {
		monitor->check.result = old->check.result;
		old->check.result = (struct check_result){ 0 };
		monitor->check.said_unhealthy = old->check.said_unhealthy;
	}
	monitor->hook_running = old->hook_running;
	monitor->is_down = old->is_down;
	memcpy(monitor->service_user, old->service_user, sizeof(monitor->service_user));
	if (monitor->definition.user == NULL && monitor->service_user[0] != '\0')
		monitor->check.user = monitor->service_user;
	monitor->checkpointed = old->checkpointed;
	monitor->last_checkpoint_at = old->last_checkpoint_at;
	monitor->state_size_bytes = old->state_size_bytes;
}

/* Remove the monitor of this name from the old list, and return it. */
static struct monitor *take_old(struct monitors *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		struct monitor *old = m->items[i];

		if (old != NULL && strcmp(old->definition.name, name) == 0) {
			m->items[i] = NULL;
			return old;
		}
	}
	return NULL;
}

static void has_stopped(struct check *check)
{
	struct monitor *monitor = LOOP_OWNER(check, struct monitor, check);
	struct monitors *m = check->owner;
	struct monitor **link = &m->ending;

	while (*link != monitor)
		link = &(*link)->next_ending;
	*link = monitor->next_ending;
	monitor_free(monitor);
}

static void end(struct monitors *m, struct monitor *monitor)
{
	if (monitor == NULL)
		return;
	monitor->next_ending = m->ending;
	m->ending = monitor;
	monitor->check.owner = m;
	check_stop(&monitor->check, has_stopped);
}

/* The monitor for a definition: an existing one if unchanged, or a new one. NULL: no memory. */
static struct monitor *monitor_for(struct monitors *m, struct definition *d)
{
	struct monitor *old = take_old(m, d->name), *monitor;

	if (old != NULL && strcmp(old->definition.text, d->text) == 0)
		return old;
	monitor = monitor_new(m, d);
	if (monitor != NULL && old != NULL)
		inherit(monitor, old);
	end(m, old);
	return monitor;
}

void monitors_load(struct monitors *m)
{
	struct definitions list;
	struct monitor **items;
	size_t count = 0;

	if (definitions_load(m->kind, m->directory, &list) != 0)
		return;
	items = calloc(list.count + 1, sizeof(struct monitor *));
	for (size_t i = 0; items != NULL && i < list.count; i++) {
		items[count] = monitor_for(m, &list.items[i]);
		if (items[count] != NULL)
			count++;
	}
	if (items != NULL) {
		for (size_t i = 0; i < m->count; i++)
			end(m, m->items[i]);
		free(m->items);
		m->items = items;
		m->count = count;
	}
	definitions_free(&list);
}

void monitors_begin(struct monitors *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct monitor *monitor = m->items[i];

		if (!monitor->begun && monitor->definition.command != NULL)
			check_begin(&monitor->check);
		monitor->begun = true;
	}
}

void monitors_note_health(struct monitors *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i]->definition.command != NULL && !m->items[i]->check.result.healthy)
			return;
	if (m->all_healthy_ms == 0)
		m->all_healthy_ms = clock_ms();
}

void monitors_start_over(struct monitors *m)
{
	monitors_set_first_start(m, clock_ms(), time(NULL));
	for (size_t i = 0; i < m->count; i++) {
		struct check *c = &m->items[i]->check;

		if (m->items[i]->begun && c->command != NULL && !job_is_running(&c->job))
			check_begin(c);
	}
}

void monitors_free(struct monitors *m)
{
	for (size_t i = 0; i < m->count; i++) {
		loop_timer_clear(m->checker->loop, &m->items[i]->check.due);
		monitor_free(m->items[i]);
	}
	while (m->ending != NULL) {
		struct monitor *monitor = m->ending;

		m->ending = monitor->next_ending;
		monitor_free(monitor);
	}
	free(m->items);
	m->items = NULL;
	m->count = 0;
}
