/* SPDX-License-Identifier: MIT */
#include "supervisor/notify.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/index.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX  4096
#define MESSAGES_MAX 64 /* read at the end of a run */

bool notify_is_wanted(const struct service *v)
{
	return v->config.rules.ready == MACHINE_READY_NOTIFY;
}

enum sender {
	SENDER_GONE, /* it has ended, and was waited for */
	SENDER_KNOWN,
	SENDER_STRANGER, /* it lives, and belongs to no service */
};

/*
 * Whose process it is: by its pid, or by its cgroup, the line "0::/services/NAME" of
 * /proc/PID/cgroup, maybe with groups of the service's own below. `owner` is set for SENDER_KNOWN.
 */
static enum sender find_sender(struct supervisor *s, pid_t pid, const struct service **owner)
{
	static const char prefix[] = "0::/services/";
	char path[32], text[1024], *line, *next;

	*owner = index_find_pid(s, pid);
	if (*owner != NULL)
		return SENDER_KNOWN;
	buf_format(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read(path, text, sizeof(text), NULL) != 0)
		return SENDER_GONE;
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
			continue;
		line += sizeof(prefix) - 1;
		line[strcspn(line, "/")] = '\0';
		*owner = supervisor_find(s, line);
		return *owner != NULL ? SENDER_KNOWN : SENDER_STRANGER;
	}
	return SENDER_STRANGER;
}

/* A message from elsewhere, said once in each run. */
static void refuse(struct service *v, pid_t sender, const struct service *owner)
{
	if (v->notify.is_refusing)
		return;
	v->notify.is_refusing = true;
	if (owner != NULL)
		log_line("%s: READY=1 from process %d of %s ignored", v->name, sender, owner->name);
	else
		log_line("%s: READY=1 from unknown process %d ignored", v->name, sender);
}

/* True if READY=1 is one of the message's lines. */
static bool says_ready(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, "READY=1", 7) == 0 && (text[7] == '\n' || text[7] == '\0'))
			return true;
	return false;
}

static void take_message(struct service *v, pid_t sender, const char *text)
{
	const struct service *owner;
	enum sender who;

	if (!says_ready(text))
		return;
	who = find_sender(v->owner, sender, &owner);
	/* Without a cgroup only the process itself is known, not its children. */
	if (who == SENDER_KNOWN ? owner != v : who == SENDER_STRANGER && v->cgroup.fd >= 0)
		refuse(v, sender, owner);
	else if (v->config.rules.ready == MACHINE_READY_NOTIFY)
		v->owner->happened(v, MACHINE_EV_READY, NULL);
}

/* Returns the length of a message, or -errno. Descriptors that are sent along are closed by the
 * kernel: there is no room. */
static ssize_t receive(int fd, char *text, size_t size, pid_t *sender)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { .iov_base = text, .iov_len = size - 1 };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0)
		return -errno;
	text[n] = '\0';
	*sender = 0;
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
		struct ucred who;

		memcpy(&who, CMSG_DATA(c), sizeof(who));
		*sender = who.pid;
	}
	return n;
}

/* Returns false when there is no message. */
static bool read_message(struct service *v)
{
	char text[MESSAGE_MAX];
	pid_t sender = 0;

	if (receive(v->notify.io.fd, text, sizeof(text), &sender) < 0)
		return false;
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

/* Bind and protect the socket; nobody but root can write to it before it has its owner. */
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

void notify_close(struct service *v)
{
	int fd = v->notify.io.fd;
	struct sockaddr_un address;

	if (fd < 0)
		return;
	for (int i = 0; i < MESSAGES_MAX && read_message(v); i++)
		;
	loop_remove(v->owner->loop, &v->notify.io);
	close(fd);
	path_of(v, &address);
	unlink(address.sun_path);
}
