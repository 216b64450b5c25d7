/* SPDX-License-Identifier: MIT */
/* From service files to services: names, accounts, environments. */
#include "base/buf.h"
#include "base/directory.h"
#include "base/log.h"
#include "supervisor/account_cache.h"
#include "supervisor/env_file.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/prepare.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_problem(const struct problem *p)
{
	log_line("%s", p->text);
}

void service_cannot_run(struct service *v, const char *reason)
{
	free(v->problem);
	v->problem = strdup(reason);
	v->machine.state = MACHINE_FAILED;
}

static struct service *new_service(struct supervisor *s, const char *name)
{
	struct service *v = calloc(1, sizeof(*v)), **at = &s->services;

	if (v == NULL)
		return NULL;
	v->owner = s;
	v->report.fd = v->output.read_fd = v->output.write_fd = -1;
	v->cgroup_fd = v->cgroup_events.fd = -1;
	buf_format(v->name, sizeof(v->name), "%s", name);
	while (*at != NULL && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	v->next = *at;
	*at = v;
	s->count++;
	return v;
}

/* Two services must not have their restarts in step: each has its own jitter. */
static uint32_t seed_of(const char *name)
{
	uint32_t hash = 2166136261u ^ (uint32_t)getpid();

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

int service_prepare(struct service *v, struct problem *p)
{
	struct supervisor *s = v->owner;
	const char *user = v->config.user != NULL ? v->config.user : s->default_user;
	const struct account *a = account_cache_find(
		&s->known_accounts, &s->accounts, user, &v->config.supplementary_groups, p);
	struct strings env = { 0 };
	int err;

	if (a == NULL)
		return -p->code;
	v->account = a;
	v->config.bounding =
		a->uid == 0 && !v->config.capabilities_set ? UINT64_MAX : v->config.ambient;
	err = strings_add_all(&env, &s->base_environment);
	if (err == 0)
		err = strings_set(&env, "HOME", a->home);
	if (err == 0)
		err = strings_set(&env, "USER", a->name);
	if (err == 0)
		err = strings_set(&env, "LOGNAME", a->name);
	if (err == 0)
		err = strings_set(&env, "SHELL", a->shell);
	if (err == 0 && v->config.environment_file != NULL) {
		err = env_file_read(v->config.environment_file, &env, log_problem);
		if (err != 0) {
			strings_free(&env);
			return problem_set(
				p, -err, "environment_file %s", v->config.environment_file);
		}
	}
	for (size_t i = 0; err == 0 && i < v->config.env.count; i++)
		err = strings_set_variable(&env, v->config.env.list[i]);
	if (err == 0 && v->config.rules.ready == MACHINE_READY_NOTIFY)
		err = strings_set(&env, "NOTIFY_SOCKET", NOTIFY_SOCKET_PATH);
	for (size_t i = 0; err == 0 && i < s->override_environment.count; i++)
		err = strings_set_variable(&env, s->override_environment.list[i]);
	strings_free(&v->environment);
	v->environment = env;
	return err != 0 ? problem_set(p, -err, "environment") : 0;
}

static int load_file(struct supervisor *s, const char *directory, const char *file)
{
	char path[4096], name[SERVICE_NAME_MAX];
	struct problem p;
	struct service *v;
	int err = service_name_of_file(file, name);

	if (err == -ENOENT)
		return 0;
	if (err != 0) {
		log_line("%s/%s: a service's name has 1 to 63 of [A-Za-z0-9_.-]: file ignored",
			directory, file);
		return 1;
	}
	v = new_service(s, name);
	if (v == NULL)
		return -ENOMEM;
	buf_format(path, sizeof(path), "%s/%s", directory, file);
	err = service_config_read(path, &v->config, log_problem, &p);
	machine_init(&v->machine, &v->config.rules, seed_of(name));
	if (err == 0) {
		err = service_prepare(v, &p);
		if (err != 0)
			log_line("%s: %s", name, p.text);
	}
	if (err != 0)
		service_cannot_run(v, p.text);
	return err != 0;
}

struct loading {
	struct supervisor *s;
	const char *directory;
	int bad;
};

static int load_entry(void *arg, const char *name)
{
	struct loading *l = arg;
	int r = load_file(l->s, l->directory, name);

	if (r < 0)
		return r;
	l->bad += r;
	return 0;
}

int supervisor_load(struct supervisor *s, const char *directory)
{
	struct loading l = { .s = s, .directory = directory };
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = directory_each(fd, load_entry, &l);
	close(fd);
	order_check(s);
	return err != 0 ? err : l.bad;
}

struct service *supervisor_add(
	struct supervisor *s, const char *name, struct service_config *config)
{
	struct service *v = new_service(s, name);
	struct problem p;

	if (v == NULL)
		return NULL;
	v->built_in = true;
	v->config = *config;
	machine_init(&v->machine, &v->config.rules, seed_of(name));
	if (service_prepare(v, &p) != 0) {
		log_line("%s: %s", name, p.text);
		service_cannot_run(v, p.text);
	}
	return v;
}
