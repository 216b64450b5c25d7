/* SPDX-License-Identifier: MIT */
#include "supervisor/notify.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "base/passed.h"
#include "supervisor/cgroup.h"
#include "supervisor/index.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX      4096
#define MESSAGES_MAX     64 /* read at the end of a run */
#define EXTENSION_MAX_US (24ull * 3600 * 1000000)

bool notify_is_wanted(const struct service *v)
{
	return v->config.rules.ready == MACHINE_READY_NOTIFY || v->config.rules.watchdog > 0;
}

enum sender {
	SENDER_GONE, /* the process has ended and was reaped */
	SENDER_KNOWN,
	SENDER_STRANGER, /* the process lives and belongs to no service */
};

/* Find the service of a process by pid or by cgroup. `owner` is set for SENDER_KNOWN. */
static enum sender find_sender(struct supervisor *s, pid_t pid, const struct service **owner)
{
	char name[SERVICE_NAME_MAX];
	int err;

	*owner = index_find_pid(s, pid);
	if (*owner != NULL)
		return SENDER_KNOWN;
	err = cgroup_service_of(pid, name, sizeof(name));
	if (err != 0)
		return err == -ENODATA ? SENDER_STRANGER : SENDER_GONE;
	*owner = supervisor_find(s, name);
	return *owner != NULL ? SENDER_KNOWN : SENDER_STRANGER;
}

/* Log that a message was refused, once in each run. */
static void refuse(struct service *v, const char *what, pid_t sender, const struct service *owner)
{
	if (v->notify.is_refusing)
		return;
	v->notify.is_refusing = true;
	if (owner != NULL)
		log_line(
			"%s: %s from process %d of %s ignored", v->name, what, sender, owner->name);
	else
		log_line("%s: %s from unknown process %d ignored", v->name, what, sender);
}

static void take_ready(struct service *v, const char *value)
{
	if (strcmp(value, "1") == 0 && v->config.rules.ready == MACHINE_READY_NOTIFY)
		v->owner->happened(v, MACHINE_EV_READY, NULL);
}

static void take_stopping(struct service *v, const char *value)
{
	if (strcmp(value, "1") == 0)
		v->owner->happened(v, MACHINE_EV_STOPPING, NULL);
}

static void arm_timer(struct service *v)
{
	if (v->machine.due_ms != 0)
		loop_timer_set(v->owner->loop, &v->timer, v->machine.due_ms);
}

static void take_watchdog(struct service *v, const char *value)
{
	if (strcmp(value, "1") != 0)
		return;
	machine_keep_alive(&v->machine, clock_ms());
	arm_timer(v);
}

static void take_extension(struct service *v, const char *value)
{
	uint64_t us;

	if (number_parse(value, EXTENSION_MAX_US, &us) != 0)
		return;
	machine_extend(&v->machine, us / 1000, clock_ms());
	arm_timer(v);
}

static void take_status(struct service *v, const char *value)
{
	buf_format(v->notify.status, sizeof(v->notify.status), "%s", value);
	log_hide_controls(v->notify.status, strlen(v->notify.status));
}

/* The pid takes effect when the present main process, which is a child of PID 1, ends. */
static void take_main_pid(struct service *v, const char *value)
{
	char name[SERVICE_NAME_MAX];
	uint64_t pid;

	if (number_parse(value, INT32_MAX, &pid) == 0 && pid > 1 && (pid_t)pid != v->pid &&
		cgroup_service_of((pid_t)pid, name, sizeof(name)) == 0 &&
		strcmp(name, v->name) == 0)
		v->notify.main_pid = (pid_t)pid;
}

/* One that was sent before the reload was asked for is not about it. */
static void take_reloading(struct service *v, const char *value)
{
	bool is_old = v->machine.state == MACHINE_RELOAD && v->notify.sent_us != 0 &&
		      v->notify.sent_us < v->reload.begun_us;

	if (strcmp(value, "1") == 0 && v->config.rules.ready == MACHINE_READY_NOTIFY && !is_old)
		v->owner->happened(v, MACHINE_EV_RELOADING, NULL);
}

/* The assignments of sd_notify(3) that we know. Others are ignored without an error. */
static const struct {
	const char *name;
	void (*take)(struct service *v, const char *value);
} assignments[] = {
	{ "READY", take_ready },
	{ "STOPPING", take_stopping },
	{ "WATCHDOG", take_watchdog },
	{ "EXTEND_TIMEOUT_USEC", take_extension },
	{ "STATUS", take_status },
	{ "MAINPID", take_main_pid },
	{ "RELOADING", take_reloading },
};

/* The row of a line "NAME=value", or -1; `value` is the part after the "=". */
static int find_assignment(const char *line, const char **value)
{
	size_t len = strcspn(line, "=");

	*value = line + len + (line[len] == '=');
	for (size_t i = 0; i < sizeof(assignments) / sizeof(assignments[0]); i++)
		if (strlen(assignments[i].name) == len &&
			memcmp(assignments[i].name, line, len) == 0)
			return (int)i;
	return -1;
}

/* True if the message comes from the service, or from a process that has ended since. */
static bool is_believed(struct service *v, pid_t sender, const char *line)
{
	const struct service *owner;
	enum sender who;

	launcher_collect_pids(&v->owner->launcher); /* the sender may have been started since */
	who = find_sender(v->owner, sender, &owner);
	/* Without a cgroup only the process itself is known, not its children. */
	if (who == SENDER_KNOWN ? owner == v : who == SENDER_GONE || v->cgroup.fd < 0)
		return true;
	refuse(v, line, sender, owner);
	return false;
}

/* The time of MONOTONIC_USEC=, which may stand on any line of a message, or 0. */
static uint64_t time_of(const char *text)
{
	static const char name[] = "MONOTONIC_USEC=";
	uint64_t us = 0;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, name, sizeof(name) - 1) == 0)
			us = strtoull(text + sizeof(name) - 1, NULL, 10);
	return us;
}

static void take_message(struct service *v, pid_t sender, char *text)
{
	bool is_checked = false;
	char *next;

	v->notify.sent_us = time_of(text);

	for (char *line = text; *line != '\0'; line = next) {
		const char *value;
		int row;

		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		row = find_assignment(line, &value);
		if (row < 0)
			continue;
		if (!is_checked && !is_believed(v, sender, row == 0 ? line : assignments[row].name))
			return;
		is_checked = true;
		assignments[row].take(v, value);
	}
}

/* Returns false when there is no message. */
static bool read_message(struct service *v)
{
	char text[MESSAGE_MAX];
	pid_t sender;
	ssize_t len = passed_receive(v->notify.io.fd, text, sizeof(text) - 1, &sender);

	if (len < 0)
		return false;
	text[(size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1] = '\0';
	if (sender > 0)
		take_message(v, sender, text);
	return true;
}

static void on_message(struct loop_io *io, uint32_t events)
{
	(void)events;
	read_message(LOOP_OWNER(io, struct service, notify.io));
}

static void path_of(const struct service *v, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	buf_format(address->sun_path, sizeof(address->sun_path), NOTIFY_DIRECTORY "/%s", v->name);
}

/* Bind the socket. Only root can write to it until its owner is set. */
static int bind_socket(int fd, const struct service *v)
{
	struct sockaddr_un address;
	int on = 1;

	path_of(v, &address);
	if (mkdir(NOTIFY_DIRECTORY, 0755) != 0 && errno != EEXIST)
		return -errno;
	unlink(address.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(address.sun_path, 0600) != 0 ||
		chown(address.sun_path, v->account->uid, v->account->gid) != 0)
		return -errno;
	return 0;
}

void notify_open(struct service *v)
{
	int fd, err;

	notify_close(v);
	v->notify.status[0] = '\0';
	v->notify.main_pid = 0;
	if (!notify_is_wanted(v))
		return;
	v->notify.is_refusing = false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = fd < 0 ? -errno : bind_socket(fd, v);
	if (err == 0)
		err = loop_add(v->owner->loop, &v->notify.io, fd, EPOLLIN, on_message);
	if (err == 0)
		return;
	if (fd >= 0)
		close(fd);
	log_line("cannot open " NOTIFY_DIRECTORY "/%s: %s", v->name, problem_errno_text(-err));
}

void notify_drain(struct service *v)
{
	for (int i = 0; v->notify.io.fd >= 0 && i < MESSAGES_MAX && read_message(v); i++)
		;
}

void notify_close(struct service *v)
{
	int fd = v->notify.io.fd;
	struct sockaddr_un address;

	if (fd < 0)
		return;
	passed_stop(fd);
	notify_drain(v);
	passed_discard(fd);
	loop_remove(v->owner->loop, &v->notify.io);
	close(fd);
	path_of(v, &address);
	unlink(address.sun_path);
}
