/* SPDX-License-Identifier: MIT */
/* Making services from service files, at boot and at each reload. */
#include "base/agent_address.h"
#include "base/buf.h"
#include "base/directory.h"
#include "base/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/collector_link.h"
#include "supervisor/environment.h"
#include "supervisor/events.h"
#include "supervisor/index.h"
#include "supervisor/notify.h"
#include "supervisor/order.h"
#include "supervisor/prepare.h"
#include "supervisor/pressure.h"
#include "supervisor/service_file.h"
#include "supervisor/settling.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static struct service *new_service(struct supervisor *s, const char *name)
{
	struct service *v = calloc(1, sizeof(*v)), **at = &s->services;

	if (v == NULL)
		return NULL;
	v->owner = s;
	v->output.read_fd = v->output.write_fd = v->notify.io.fd = -1;
	v->cgroup.fd = v->cgroup.events.fd = v->cgroup.fork_events.fd = -1;
	buf_format(v->name, sizeof(v->name), "%s", name);
	/* Fast for files in the order of their names: begin at the service added last. */
	if (s->newest != NULL && strcmp(s->newest->name, name) < 0)
		at = &s->newest->next;
	while (*at != NULL && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	v->next = *at;
	*at = v;
	s->newest = v;
	index_add(v);
	return v;
}

/*
 * Each service of each guest needs its own jitter, so that restarts do not happen in step.
 * getauxval(3): the kernel gives each program 16 random bytes.
 */
static uint32_t seed_of(const char *name)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	uint32_t random = 0;

	if (bytes != NULL)
		memcpy(&random, bytes, sizeof(random));
	return (uint32_t)strings_hash(name) ^ random;
}

struct loading {
	struct supervisor *s;
	int fd; /* the directory */
	const char *directory;
	int bad;
};

/* Read a service's file into `config`. Errors are logged. Returns 0 or -errno with `p`. */
static int read_config(
	const struct loading *l, const char *name, struct service_config *config, struct problem *p)
{
	char path[4096];

	buf_format(path, sizeof(path), "%s/%s.ini", l->directory, name);
	return service_config_read(l->fd, path, config, &log_problems, p);
}

/* Set a service up from its config, or note why it cannot run. Returns 0 or 1. */
static int set_up(struct service *v, int err, struct problem *p)
{
	machine_init(&v->machine, &v->config.rules, seed_of(v->name));
	if (err == 0) {
		err = service_prepare(v, p);
		if (err != 0)
			log_line("%s: %s", v->name, p->text);
	}
	if (err != 0)
		service_cannot_run(v, p->text);
	return err != 0;
}

/* Keep a changed configuration until all processes of the service have ended. */
static int change_file(struct service *v, const struct loading *l)
{
	struct service_config *config = calloc(1, sizeof(*config));
	struct problem p;
	int err = config == NULL ? problem_set(&p, ENOMEM, "cannot read its file")
				 : read_config(l, v->name, config, &p);
	const struct service_config *latest = v->file.next != NULL ? v->file.next : &v->config;

	if (err != 0 || config->file_hash == latest->file_hash) {
		if (config != NULL)
			service_config_free(config);
		free(config);
		if (err != 0) {
			log_line("%s: keeping the previous configuration", v->name);
			reload_keep_bad(v->owner, v->name, p.text);
		} else if (v->problem != NULL) {
			reload_keep_bad(v->owner, v->name, v->problem);
		}
		return err != 0 || v->problem != NULL;
	}
	log_line("%s: its file has changed", v->name);
	if (v->file.next != NULL)
		service_config_free(v->file.next);
	free(v->file.next);
	v->file.next = config;
	return 0;
}

/* The file of a service that exists was found again. Returns 0, or 1 when the file is bad. */
static int load_known(struct service *v, const struct loading *l)
{
	int bad = change_file(v, l);

	if (v->file.next != NULL)
		v->file.finding = FILE_CHANGED;
	else if (v->file.finding == FILE_REMOVED)
		v->file.finding = FILE_RETURNED;
	else
		v->file.finding = FILE_SAME;
	return bad;
}

static int load_file(const struct loading *l, const char *file)
{
	struct supervisor *s = l->s;
	char name[SERVICE_NAME_MAX];
	struct problem p;
	struct service *v;
	int err = service_name_of_file(file, name);

	if (err == -ENOENT)
		return 0;
	v = err == 0 ? supervisor_find(s, name) : NULL;
	if (v != NULL && !v->built_in)
		return load_known(v, l);
	if (err != 0 || v != NULL || strcmp(name, COLLECTOR_NAME) == 0 ||
		strcmp(name, PROTOCOL_AGENT_NAME) == 0) {
		const char *reason = err == 0 ? "reserved name"
					      : "a service's name has 1 to 63 of [A-Za-z0-9_.-]";

		log_line("%s/%s: %s: file ignored", l->directory, file, reason);
		reload_keep_bad(s, file, reason);
		return 1;
	}
	v = new_service(s, name);
	if (v == NULL)
		return -ENOMEM;
	v->file.finding = FILE_ADDED;
	err = read_config(l, name, &v->config, &p);
	return set_up(v, err, &p);
}

/* Check that the order of all services lets new ones start: `only`, or all added ones for NULL. */
static void check_order(struct supervisor *s, const struct service *only)
{
	char reason[ORDER_REASON_MAX];
	unsigned int mark = 0;

	index_order(s);
	for (struct service *v = s->services; v != NULL; v = v->next) {
		bool is_new = only != NULL ? v == only : v->file.finding == FILE_ADDED;

		if (is_new && v->problem == NULL &&
			!order_is_possible(v, ++mark, reason, sizeof(reason)))
			service_cannot_run(v, reason);
	}
	for (struct service *v = s->services; v != NULL; v = v->next)
		v->mark = 0;
}

static int load_entry(void *arg, const char *name)
{
	struct loading *l = arg;
	int r = load_file(l, name);

	if (r < 0)
		return r;
	l->bad += r;
	return 0;
}

int supervisor_load_from(struct supervisor *s, int fd, const char *directory)
{
	struct loading l = { .s = s, .fd = fd, .directory = directory };
	int err = directory_each(fd, load_entry, &l);

	check_order(s, NULL);
	return err != 0 ? err : l.bad;
}

int supervisor_load(struct supervisor *s, const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	bad = supervisor_load_from(s, fd, directory);
	close(fd);
	return bad;
}

/* A service begins with its new file in the state "inactive". */
static void change_state_for_new_file(struct service *v)
{
	enum machine_state before = v->machine.state;

	v->machine.state = MACHINE_INACTIVE;
	index_count(v);
	if (v->owner->events != NULL && before != MACHINE_INACTIVE)
		events_add(v->owner->events, v, before, EVENTS_NEW_FILE);
}

/* Put the changed file into effect, once all processes of the service have ended. */
static void take_next_config(struct service *v)
{
	struct problem p;

	if (v->file.next == NULL || machine_is_active(&v->machine))
		return;
	service_config_free(&v->config);
	v->config = *v->file.next;
	free(v->file.next);
	v->file.next = NULL;
	service_clear_problem(v);
	v->cgroup.is_spent |= v->cgroup.fd >= 0; /* limits that were removed must not stay */
	v->last.has_ended = false;               /* its description may use the old file */
	v->output.is_announced = false;
	change_state_for_new_file(v);
	loop_timer_clear(v->owner->loop, &v->timer);
	loop_timer_clear(v->owner->loop, &v->schedule);
	set_up(v, 0, &p);
	check_order(v->owner, v);
}

/* An active service takes its new file when it has stopped (supervisor_event()), others at once. */
static void restart_changed(struct service *v)
{
	if (v->problem == NULL && v->machine.state != MACHINE_INACTIVE) {
		supervisor_event(v, MACHINE_EV_STOP, NULL);
		return;
	}
	take_next_config(v);
	supervisor_begin(v);
}

static void act_on_change(struct service *v)
{
	struct reload *r = &v->owner->reload;

	switch (v->file.finding) {
	case FILE_SAME:
		r->unchanged += !v->built_in && v->problem == NULL;
		break;
	case FILE_MISSING:
		r->stopped += v->problem == NULL;
		v->file.finding = FILE_REMOVED;
		v->owner->to_sweep = true;
		log_line("%s: its file was removed", v->name);
		supervisor_event(v, MACHINE_EV_STOP, NULL);
		break;
	case FILE_CHANGED:
		r->started += v->problem != NULL;
		r->restarted += v->problem == NULL;
		restart_changed(v);
		break;
	case FILE_RETURNED:
		r->restarted++;
		supervisor_begin(v);
		break;
	case FILE_ADDED:   /* act_on_changes() starts all of them once their order is known */
	case FILE_REMOVED: /* an earlier reload has stopped it */
		break;
	}
}

/* The directory could not be read whole: what was added goes again, all else stays. */
static void undo_findings(struct supervisor *s)
{
	for (struct service *v = s->services; v != NULL; v = v->next) {
		enum file_finding *f = &v->file.finding;
		bool goes = *f == FILE_ADDED || *f == FILE_RETURNED || *f == FILE_REMOVED;

		*f = goes ? FILE_REMOVED : FILE_SAME;
	}
}

/* Stop running services whose file has changed or was removed; start new ones. */
static void act_on_changes(struct supervisor *s)
{
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (v->file.finding == FILE_ADDED)
			supervisor_want(v);
	for (struct service *v = s->services; v != NULL; v = v->next)
		act_on_change(v);
	check_order(s, NULL);
	for (struct service *v = s->services; v != NULL; v = v->next) {
		if (v->file.finding != FILE_ADDED)
			continue;
		s->reload.started += v->problem == NULL;
		supervisor_begin(v);
	}
}

int supervisor_reload(struct supervisor *s, const char *directory)
{
	unsigned int number = s->reload.number + 1;
	int bad;

	strings_free(&s->reload.bad);
	s->reload = (struct reload){ .number = number };
	for (struct service *v = s->services; v != NULL; v = v->next)
		if (!v->built_in && v->file.finding != FILE_REMOVED)
			v->file.finding = FILE_MISSING;
	bad = supervisor_load(s, directory);
	if (bad >= 0)
		act_on_changes(s);
	else
		undo_findings(s);
	supervisor_sweep(s);
	return bad;
}

bool supervisor_has_reloaded(const struct supervisor *s)
{
	for (const struct service *v = s->services; v != NULL; v = v->next) {
		bool active = machine_is_active(&v->machine);

		if (v->file.finding != FILE_SAME &&
			(v->machine.state == MACHINE_WAITING || v->file.next != NULL ||
				(active && (v->file.finding == FILE_REMOVED ||
						   !machine_is_up(&v->machine)))))
			return false;
	}
	return true;
}

static void free_service(struct service *v)
{
	struct supervisor *s = v->owner;

	loop_timer_clear(s->loop, &v->timer);
	loop_timer_clear(s->loop, &v->schedule);
	settling_end(v);
	notify_close(v);
	environment_withdraw(v);
	output_close(v);
	index_remove(v);
	if (s->newest == v)
		s->newest = NULL;
	pressure_unwatch(v);
	if (v->cgroup.fd >= 0)
		close(v->cgroup.fd);
	cgroup_remove(s->cgroups.fd, v->name);
	service_config_free(&v->config);
	strings_free(&v->file_environment);
	service_clear_problem(v);
	free(v);
}

void supervisor_sweep(struct supervisor *s)
{
	struct service **at = &s->services;

	if (!s->to_sweep)
		return;
	s->to_sweep = false;
	while (*at != NULL) {
		struct service *v = *at;

		bool is_removed = v->file.finding == FILE_REMOVED;

		s->to_sweep |= is_removed;
		if (v->file.next != NULL && !is_removed && s->stopping.by_ms == 0 &&
			v->machine.state == MACHINE_INACTIVE) {
			take_next_config(v);
			supervisor_begin(v);
			if (s->changed != NULL)
				s->changed(s, v);
		}
		if (is_removed && v->pid == 0 && !machine_is_active(&v->machine)) {
			*at = v->next;
			free_service(v);
		} else {
			at = &v->next;
		}
	}
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
