/* SPDX-License-Identifier: MIT */
#include "supervisor/index.h"

#include "base/log.h"
#include "base/strings.h"

#include <stdlib.h>
#include <string.h>

static struct service **bucket_of_name(struct supervisor *s, const char *name)
{
	return &s->index.by_name[strings_hash(name) % INDEX_BUCKETS];
}

static struct service **bucket_of_pid(struct supervisor *s, pid_t pid)
{
	return &s->index.by_pid[(unsigned int)pid % INDEX_BUCKETS];
}

void index_add(struct service *v)
{
	struct service **bucket = bucket_of_name(v->owner, v->name);

	v->index.next_of_name = *bucket;
	*bucket = v;
}

/* Take `v` out of the dependents of the services of these names. */
static void remove_from_dependents(struct service *v, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct service *u = supervisor_find(v->owner, names->list[i]);
		size_t kept = 0;

		for (size_t n = 0; u != NULL && n < u->index.dependent_count; n++)
			if (u->index.dependents[n] != v)
				u->index.dependents[kept++] = u->index.dependents[n];
		if (u != NULL)
			u->index.dependent_count = kept;
	}
}

void index_remove(struct service *v)
{
	struct service **at = bucket_of_name(v->owner, v->name);

	remove_from_dependents(v, &v->config.after);
	remove_from_dependents(v, &v->config.requires);
	while (*at != NULL && *at != v)
		at = &(*at)->index.next_of_name;
	if (*at == v)
		*at = v->index.next_of_name;
	free(v->index.dependents);
	v->index.dependents = NULL;
	v->index.dependent_count = 0;
}

struct service *supervisor_find(struct supervisor *s, const char *name)
{
	struct service *v = *bucket_of_name(s, name);

	while (v != NULL && strcmp(v->name, name) != 0)
		v = v->index.next_of_name;
	return v;
}

void index_add_pid(struct service *v)
{
	struct service **bucket = bucket_of_pid(v->owner, v->pid);

	v->index.next_of_pid = *bucket;
	*bucket = v;
}

void index_remove_pid(struct service *v)
{
	struct service **at = bucket_of_pid(v->owner, v->pid);

	while (*at != NULL && *at != v)
		at = &(*at)->index.next_of_pid;
	if (*at == v)
		*at = v->index.next_of_pid;
}

struct service *index_find_pid(struct supervisor *s, pid_t pid)
{
	struct service *v = *bucket_of_pid(s, pid);

	while (v != NULL && v->pid != pid)
		v = v->index.next_of_pid;
	return v;
}

/* Count one more or one fewer when the bit has changed. */
static void count_bit(size_t *count, bool *before, bool now)
{
	if (*before != now)
		*count += now ? 1 : (size_t)-1;
	*before = now;
}

void index_count(struct service *v)
{
	const struct machine *m = &v->machine;
	struct index *i = &v->owner->index;
	bool active = machine_is_active(m);

	count_bit(&i->active[v->built_in], &v->index.active, active);
	count_bit(&i->on_their_way, &v->index.on_its_way,
		v->problem == NULL && !v->built_in && m->wanted &&
			(m->state == MACHINE_WAITING || (active && !machine_is_up(m))));
}

/* Add `v` to the dependents of the services of these names. */
static int add_to_dependents(struct service *v, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct service *u = supervisor_find(v->owner, names->list[i]), **list;
		size_t n = u != NULL ? u->index.dependent_count : 0, room;

		if (u == NULL)
			continue;
		/* Room doubles when the count is a power of two. */
		room = (n > 0 ? 2 * n : 1) * sizeof(v);
		list = (n & (n - 1)) != 0 ? u->index.dependents
					  : realloc(u->index.dependents, room);
		if (list == NULL)
			return -1;
		u->index.dependents = list;
		list[u->index.dependent_count++] = v;
	}
	return 0;
}

void index_order(struct supervisor *s)
{
	bool failed = false;

	for (struct service *v = s->services; v != NULL; v = v->next) {
		free(v->index.dependents);
		v->index.dependents = NULL;
		v->index.dependent_count = 0;
	}
	for (struct service *v = s->services; v != NULL; v = v->next)
		failed |= add_to_dependents(v, &v->config.after) != 0 ||
			  add_to_dependents(v, &v->config.requires) != 0;
	if (failed)
		log_line("no memory for the order of the services");
}
