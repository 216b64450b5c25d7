/* SPDX-License-Identifier: MIT */
#include "supervisor/notify.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 4096

/*
 * Whose process is it? By its pid, or by where it is: the line "0::/services/NAME", behind others
 * where there are groups of the first version, too.
 */
static struct service *service_of_sender(struct supervisor *s, pid_t pid)
{
	static const char prefix[] = "0::/services/";
	struct service *v = index_find_pid(s, pid);
	char path[32], text[1024], *line, *next;

	buf_format(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (v != NULL || file_read(path, text, sizeof(text), NULL) != 0)
		return v;
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strncmp(line, prefix, sizeof(prefix) - 1) == 0)
			return supervisor_find(s, line + sizeof(prefix) - 1);
	}
	return NULL;
}

/* Is READY=1 one of the message's lines? */
static bool says_ready(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, "READY=1", 7) == 0 && (text[7] == '\n' || text[7] == '\0'))
			return true;
	return false;
}

static void take_message(struct supervisor *s, pid_t sender, const char *text)
{
	struct service *v = service_of_sender(s, sender);

	if (!says_ready(text))
		return;
	if (v == NULL)
		log_line("READY=1 from process %d, which belongs to no service: not believed",
			sender);
	else if (v->config.rules.ready == MACHINE_READY_NOTIFY)
		supervisor_event(v, MACHINE_EV_READY, NULL);
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

static void on_message(struct loop_io *io, uint32_t events)
{
	struct supervisor *s = LOOP_OWNER(io, struct supervisor, notify);
	char text[MESSAGE_MAX];
	pid_t sender = 0;

	(void)events;
	if (receive(io->fd, text, sizeof(text), &sender) >= 0 && sender > 0)
		take_message(s, sender, text);
}

int notify_open(struct supervisor *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NOTIFY_SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err = 0;

	if (fd < 0)
		return -errno;
	unlink(NOTIFY_SOCKET_PATH);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(NOTIFY_SOCKET_PATH, 0666) != 0)
		err = -errno;
	if (err == 0)
		err = loop_add(s->loop, &s->notify, fd, EPOLLIN, on_message);
	if (err != 0)
		close(fd);
	return err;
}
