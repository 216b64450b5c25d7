/* SPDX-License-Identifier: MIT */
#include "probe/report/service.h"

#include "probe/memory.h"

#include <stdlib.h>
#include <string.h>

static void number(struct shape *s, const char *key, struct maybe *m)
{
	m->known = shape_number(s, key, SHAPE_OPTIONAL, &m->value);
}

static void read_service(struct shape *s, struct service *out)
{
	shape_text(s, "name", SHAPE_REQUIRED, &out->name);
	shape_text(s, "state", SHAPE_OPTIONAL, &out->state);
	shape_text(s, "reason", SHAPE_OPTIONAL, &out->reason);
	shape_bool(s, "built_in", SHAPE_OPTIONAL, &out->built_in);
	number(s, "pid", &out->pid);
	number(s, "uid", &out->uid);
	number(s, "gid", &out->gid);
	number(s, "state_ms", &out->state_ms);
	number(s, "restarts", &out->restarts);
	number(s, "failures", &out->failures);
	number(s, "next_start_ms", &out->next_start_ms);
	number(s, "exit_code", &out->exit_code);
	number(s, "memory_bytes", &out->memory_bytes);
	number(s, "cpu_us", &out->cpu_us);
	number(s, "tasks", &out->tasks);
	number(s, "oom_kills", &out->oom_kills);
}

bool services_read(struct services *all, struct shape *s, enum shape_need need)
{
	struct shape element = { 0 };
	size_t count;

	*all = (struct services){ 0 };
	if (!shape_array(s, "services", need, &count))
		return !shape_failed(s);
	all->items = memory_must(calloc(count > 0 ? count : 1, sizeof(*all->items)));
	for (size_t i = 0; i < count && shape_element(&element, s, "services", i); i++)
		read_service(&element, &all->items[all->count++]);
	return !shape_failed(s);
}

void services_free(struct services *all)
{
	free(all->items);
	*all = (struct services){ 0 };
}

bool service_state_is(const struct service *s, const char *state)
{
	return s->state.len == strlen(state) && memcmp(s->state.bytes, state, s->state.len) == 0;
}

bool service_is_up(const struct service *s)
{
	return service_state_is(s, "running") || service_state_is(s, "reload");
}

bool service_is_well(const struct service *s)
{
	return !service_state_is(s, "failed") && !service_state_is(s, "auto-restart");
}
