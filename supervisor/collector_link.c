/* SPDX-License-Identifier: MIT */
#include "supervisor/collector_link.h"

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/collector.h"
#include "supervisor/log_ring.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPABILITY(n) ((uint64_t)1 << (n))

static void close_link(struct supervisor *s)
{
	int fd = s->collector.io.fd;

	if (fd < 0)
		return;
	loop_remove(s->loop, &s->collector.io);
	close(fd);
}

/* Returns 0 or -errno; -EAGAIN when the socket is full. */
static int send_message(const struct supervisor *s, const struct collector_message *m, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(s->collector.io.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int announce(struct service *v)
{
	struct collector_message m = { .verb = COLLECTOR_ADD,
		.slot = v->output.slot,
		.log_max_size = v->config.log_max_size,
		.log_keep = v->config.log_keep,
		/* Nobody: its changed file names an unknown user. */
		.group = v->account != NULL ? v->account->gid : 0 };

	memcpy(m.name, v->name, sizeof(m.name));
	if (v->config.log_file != NULL)
		buf_format(m.log_file, sizeof(m.log_file), "%s", v->config.log_file);
	return send_message(v->owner, &m, v->output.read_fd);
}

/* Tell the collector what it does not know yet, as far as the socket takes it. */
static void pump(struct supervisor *s)
{
	int err = 0;

	if (s->collector.io.fd < 0)
		return;
	for (struct service *v = s->services; err == 0 && v != NULL; v = v->next) {
		if (v->output.read_fd >= 0 && !v->output.announced) {
			err = announce(v);
			v->output.announced = err == 0;
		}
		if (err == 0 && v->output.announced && v->output.flush) {
			struct collector_message m = { .verb = COLLECTOR_FLUSH,
				.slot = v->output.slot };

			err = send_message(s, &m, -1);
			v->output.flush = err != 0;
		}
	}
	if (err != 0 && err != -EAGAIN)
		close_link(s);
	else
		loop_change(s->loop, &s->collector.io, err == 0 ? 0 : EPOLLOUT);
}

/* The collector says nothing: there is room for more, or it is dead. */
static void on_link(struct loop_io *io, uint32_t events)
{
	struct supervisor *s = LOOP_OWNER(io, struct supervisor, collector.io);

	if (events & (EPOLLHUP | EPOLLERR))
		close_link(s);
	else
		pump(s);
}

/* A new collector: a new link, over which everything is told again. */
static void collector_starting(struct service *v)
{
	struct supervisor *s = v->owner;
	struct collector_link *c = &s->collector;
	int fds[2];

	close_link(s);
	c->fds[0] = s->null_fd;
	for (struct service *u = s->services; u != NULL; u = u->next)
		u->output.announced = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
		log_line(COLLECTOR_NAME ": no link to it: %s", problem_errno_text(errno));
		return;
	}
	if (loop_add(s->loop, &c->io, fds[0], 0, on_link) != 0) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	c->fds[0] = fds[1];
}

static void collector_started(struct service *v)
{
	struct supervisor *s = v->owner;

	if (s->collector.fds[0] != s->null_fd)
		close(s->collector.fds[0]);
	s->collector.fds[0] = s->null_fd;
	pump(s);
}

static int make_rings(struct collector_link *c)
{
	if (c->rings < 0)
		c->rings = memfd_create("mvm-logs", MFD_CLOEXEC);
	return c->rings < 0 ? -errno : 0;
}

/* It opens log files wherever they are, for whomever they are; of root's power it needs that and no
 * more. */
int collector_add(struct supervisor *s)
{
	struct service_config config;
	struct problem p;
	struct service *v;

	int err = make_rings(&s->collector);

	if (err != 0)
		return err;
	service_config_init(&config);
	config.ambient =
		CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_FOWNER);
	config.capabilities_set = true;
	/* Meanwhile services that write much stand still. */
	config.rules.restart_delay_max = 1000;
	config.user = strdup("0");
	if (config.user == NULL ||
		command_parse("/proc/self/exe " COLLECTOR_OPTION, &config.command, &p) != 0)
		return -ENOMEM;
	v = supervisor_add(s, COLLECTOR_NAME, &config);
	if (v == NULL)
		return -ENOMEM;
	s->collector.service = v;
	s->collector.fds[0] = s->null_fd;
	s->collector.fds[1] = s->collector.rings;
	v->fds = s->collector.fds;
	v->fd_count = 2;
	v->starting = collector_starting;
	v->started = collector_started;
	return 0;
}

int output_open(struct service *v)
{
	struct collector_link *c = &v->owner->collector;
	int fds[2], err;

	if (v->output.read_fd >= 0)
		return 0;
	err = make_rings(c);
	if (err != 0)
		return err;
	if (ftruncate(c->rings, (off_t)(c->slots + 1) * (off_t)sizeof(struct log_ring)) != 0 ||
		pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	v->output = (struct output){ .read_fd = fds[0], .write_fd = fds[1], .slot = c->slots++ };
	pump(v->owner);
	return 0;
}

/* The collector notices by itself when the last write end of the pipe is closed. */
void output_close(struct service *v)
{
	struct collector_message m = { .verb = COLLECTOR_REMOVE, .slot = v->output.slot };

	if (v->output.read_fd < 0)
		return;
	if (v->owner->collector.io.fd >= 0 && v->output.announced)
		send_message(v->owner, &m, -1);
	close(v->output.read_fd);
	close(v->output.write_fd);
	v->output.read_fd = v->output.write_fd = -1;
}

void output_flush(struct service *v)
{
	if (v->output.read_fd < 0)
		return;
	v->output.flush = true;
	pump(v->owner);
}

/* The ring is mapped for the moment of a look only: PID 1's memory must not grow with the number of
 * services. */
static struct log_ring *map_ring(const struct service *v)
{
	void *ring;

	if (v->output.read_fd < 0)
		return NULL;
	ring = mmap(NULL, sizeof(struct log_ring), PROT_READ, MAP_SHARED, v->owner->collector.rings,
		(off_t)v->output.slot * (off_t)sizeof(struct log_ring));
	return ring == MAP_FAILED ? NULL : ring;
}

long output_read(const struct service *v, uint64_t *at, char *out, size_t size)
{
	struct log_ring *r = map_ring(v);
	uint64_t left;

	if (r == NULL)
		return v->output.read_fd < 0 ? 0 : -ENOMEM;
	if (!log_ring_has(r, *at))
		*at = log_ring_oldest(r);
	left = r->head - *at;
	if (left < size)
		size = (size_t)left;
	log_ring_copy(r, *at, out, size);
	munmap(r, sizeof(*r));
	return (long)size;
}

int output_find_lines(const struct service *v, uint64_t lines, uint64_t *at)
{
	struct log_ring *r = map_ring(v);

	*at = 0;
	if (r == NULL)
		return v->output.read_fd < 0 ? 0 : -ENOMEM;
	*at = log_ring_last_lines(r, lines);
	munmap(r, sizeof(*r));
	return 0;
}
