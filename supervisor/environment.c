/* SPDX-License-Identifier: MIT */
#include "supervisor/environment.h"

#include "base/buf.h"
#include "supervisor/account_cache.h"
#include "supervisor/notify.h"

#include <errno.h>
#include <string.h>

/* Add NAME=value, in the place of an earlier NAME. */
static void set(struct environment *e, char *variable)
{
	size_t len = strcspn(variable, "=") + 1, i = 0;

	while (i < e->count && strncmp(e->list[i], variable, len) != 0)
		i++;
	if (i == ENVIRONMENT_MAX) {
		e->full = true;
		return;
	}
	e->list[i] = variable;
	if (i == e->count)
		e->list[++e->count] = NULL;
}

static void set_all(struct environment *e, const struct strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		set(e, s->list[i]);
}

int environment_of(
	const struct service *v, struct environment *out, bool pre_start, struct problem *p)
{
	out->list[0] = NULL;
	out->count = 0;
	out->full = false;
	set_all(out, &v->owner->environment.base);
	set_all(out, account_cache_variables(v->account));
	set_all(out, &v->file_environment);
	set_all(out, &v->config.env);
	if (!pre_start && notify_is_wanted(v)) {
		buf_format(out->notify_socket, sizeof(out->notify_socket),
			"NOTIFY_SOCKET=" NOTIFY_DIRECTORY "/%s", v->name);
		set(out, out->notify_socket);
	}
	if (!pre_start && v->config.rules.watchdog > 0) {
		buf_format(out->watchdog, sizeof(out->watchdog), "WATCHDOG_USEC=%llu",
			(unsigned long long)v->config.rules.watchdog * 1000);
		set(out, out->watchdog);
	}
	set_all(out, &v->owner->environment.overrides);
	return out->full ? problem_set_text(
				   p, E2BIG, "more than %d environment variables", ENVIRONMENT_MAX)
			 : 0;
}
