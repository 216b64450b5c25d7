/* SPDX-License-Identifier: MIT */
#include "supervisor/environment.h"

#include "base/agent_address.h"
#include "base/buf.h"
#include "base/environment_file.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/account_cache.h"
#include "supervisor/index.h"
#include "supervisor/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void environment_set(struct environment *e, char *variable)
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
		environment_set(e, s->list[i]);
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
		environment_set(out, out->notify_socket);
	}
	if (!pre_start && v->config.rules.watchdog > 0) {
		buf_format(out->watchdog, sizeof(out->watchdog), "WATCHDOG_USEC=%llu",
			(unsigned long long)v->config.rules.watchdog * 1000);
		environment_set(out, out->watchdog);
	}
	set_all(out, &v->owner->environment.overrides);
	return out->full ? problem_set_text(
				   p, E2BIG, "more than %d environment variables", ENVIRONMENT_MAX)
			 : 0;
}

static bool is_for_the_command_alone(const char *variable)
{
	return strncmp(variable, "NOTIFY_SOCKET=", 14) == 0 ||
	       strncmp(variable, "WATCHDOG_USEC=", 14) == 0;
}

/* Make the file's text, which the caller frees; or NULL. */
static char *make_text(const struct service *v, const struct environment *e, size_t *len)
{
	const char *directory =
		v->config.working_directory != NULL ? v->config.working_directory : "/";
	size_t size = strlen(directory) + 16, n;
	char *text;

	for (size_t i = 0; i < e->count; i++)
		size += strlen(e->list[i]) + 1;
	text = malloc(size);
	if (text == NULL)
		return NULL;
	n = buf_format(text, 16, "%u", (unsigned int)v->account->uid) + 1;
	n += buf_format(text + n, size - n, "%s", directory) + 1;
	for (size_t i = 0; i < e->count; i++) {
		size_t part = strlen(e->list[i]) + 1;

		if (is_for_the_command_alone(e->list[i]))
			continue;
		memcpy(text + n, e->list[i], part);
		n += part;
	}
	*len = n;
	return text;
}

/* Write a temporary file and rename it, so that a check finds the old text or the new. */
static int write_text(const char *name, const struct account *reader, const char *text, size_t len)
{
	char path[128], temporary[128];
	int err;

	buf_format(path, sizeof(path), ENVIRONMENT_DIRECTORY "/%s", name);
	buf_format(temporary, sizeof(temporary), ENVIRONMENT_DIRECTORY "/.%s", name);
	if (mkdir(ENVIRONMENT_DIRECTORY, 0755) != 0 && errno != EEXIST)
		return -errno;
	err = file_create(temporary, text, len, 0600);
	if (err == 0 &&
		(chown(temporary, reader->uid, reader->gid) != 0 || rename(temporary, path) != 0))
		err = -errno;
	return err;
}

void environment_publish(const struct service *v)
{
	const struct service *agent = supervisor_find(v->owner, PROTOCOL_AGENT_NAME);
	struct environment e;
	struct problem p;
	char check[128], *text;
	size_t len = 0;
	int err;

	if (v->built_in || agent == NULL || v->account == NULL)
		return;
	buf_format(check, sizeof(check), HEALTH_CHECKS "/%s.json", v->name);
	if (access(check, F_OK) != 0)
		return;
	err = environment_of(v, &e, false, &p);
	text = err == 0 ? make_text(v, &e, &len) : NULL;
	if (err == 0)
		err = text != NULL ? write_text(v->name, agent->account, text, len) : -ENOMEM;
	free(text);
	if (err != 0)
		log_line("%s: its health check runs without its environment: %s", v->name,
			problem_errno_text(-err));
}

void environment_withdraw(const struct service *v)
{
	char path[128];

	buf_format(path, sizeof(path), ENVIRONMENT_DIRECTORY "/%s", v->name);
	unlink(path);
}
