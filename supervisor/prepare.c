/* SPDX-License-Identifier: MIT */
#include "supervisor/prepare.h"

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/account_cache.h"
#include "supervisor/env_file.h"
#include "supervisor/events.h"
#include "supervisor/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A service that cannot run must have a problem, or it would be started. */
static char no_memory[] = "no memory to say why";

void service_clear_problem(struct service *v)
{
	if (v->problem != no_memory)
		free(v->problem);
	v->problem = NULL;
}

void reload_keep_bad(struct supervisor *s, const char *name, const char *reason)
{
	char text[sizeof(struct problem)];

	if (s->reload.number > 0)
		strings_add(&s->reload.bad, text,
			buf_format(text, sizeof(text), "%s: %s", name, reason));
}

void service_cannot_run(struct service *v, const char *reason)
{
	enum machine_state before = v->machine.state;

	service_clear_problem(v);
	v->problem = strdup(reason);
	if (v->problem == NULL)
		v->problem = no_memory;
	v->machine.state = MACHINE_FAILED;
	index_count(v);
	if (v->owner->events != NULL && before != MACHINE_FAILED)
		events_add(v->owner->events, v, before, EVENTS_CANNOT_RUN);
	reload_keep_bad(v->owner, v->name, reason);
}

int service_prepare(struct service *v, struct problem *p)
{
	struct supervisor *s = v->owner;
	const char *user = v->config.user != NULL ? v->config.user : s->default_user;
	const char *file = v->config.environment_file;
	bool optional = file != NULL && file[0] == '-';
	struct strings fresh = { 0 }, old;
	int err = 0;

	v->account = account_cache_find(
		&s->known_accounts, &s->accounts, user, &v->config.supplementary_groups, p);
	if (v->account == NULL)
		return -p->code;
	v->config.bounding =
		v->config.keeps_bounding || (v->account->uid == 0 && !v->config.capabilities_set)
			? UINT64_MAX
			: v->config.ambient;
	if (file != NULL)
		err = env_file_read(file += optional, &fresh, &log_problems);
	if (err == 0 || (err == -ENOENT && optional)) {
		err = 0;
		old = v->file_environment;
		v->file_environment = fresh;
		fresh = old;
	} else {
		problem_set(p, -err, "environment_file %s", file);
	}
	strings_free(&fresh);
	return err;
}
