/* SPDX-License-Identifier: MIT */
#include "supervisor/collector_link.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/collector_protocol.h"
#include "supervisor/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIPE_BYTES    65536 /* pipe(7): what a new pipe has */
#define RINGS_AT_ONCE 32

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
		/* No account: its changed file names an unknown user. */
		.group = v->account != NULL ? v->account->gid : 0 };

	memcpy(m.name, v->name, sizeof(m.name));
	if (v->config.log_file != NULL)
		buf_format(m.log_file, sizeof(m.log_file), "%s", v->config.log_file);
	return send_message(v->owner, &m, v->output.read_fd);
}

/* Send the collector its missing messages about one service. Returns as send_message(). */
static int tell(struct service *v)
{
	struct collector_message m = { .verb = COLLECTOR_FLUSH, .slot = v->output.slot };
	int err = 0;

	if (v->output.read_fd >= 0 && !v->output.is_announced) {
		err = announce(v);
		v->output.is_announced = err == 0;
	}
	if (err == 0 && v->output.is_announced && v->output.is_ended) {
		err = send_message(v->owner, &m, -1);
		v->output.is_ended = err != 0;
	}
	return err;
}

/* Act on the result of tell(): wait for room in the socket, or for the next collector. */
static void settle(struct supervisor *s, int err)
{
	bool is_full = err == -EAGAIN;

	if (err != 0 && !is_full) {
		close_link(s);
		return;
	}
	if (is_full != s->collector.is_full)
		loop_change(s->loop, &s->collector.io, is_full ? EPOLLOUT : 0);
	s->collector.is_full = is_full;
}

/* Send the messages about all services, until the socket is full. */
static void pump(struct supervisor *s)
{
	int err = 0;

	if (s->collector.io.fd < 0)
		return;
	for (struct service *v = s->services; err == 0 && v != NULL; v = v->next)
		err = tell(v);
	settle(s, err);
}

/* Send the messages about one service, unless the socket is full; on_link() sends them then. */
static void pump_one(struct service *v)
{
	if (v->owner->collector.io.fd >= 0 && !v->owner->collector.is_full)
		settle(v->owner, tell(v));
}

/* The collector never sends: the socket has room again, or the collector has died. */
static void on_link(struct loop_io *io, uint32_t events)
{
	struct supervisor *s = LOOP_OWNER(io, struct supervisor, collector.io);

	if (events & (EPOLLHUP | EPOLLERR))
		close_link(s);
	else
		pump(s);
}

void collector_link_open(struct service *v)
{
	struct supervisor *s = v->owner;
	struct collector_link *c = &s->collector;
	int fds[2];

	close_link(s);
	c->fds[0] = s->null_fd;
	c->is_full = false;
	for (struct service *u = s->services; u != NULL; u = u->next)
		u->output.is_announced = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
		log_line(COLLECTOR_NAME ": cannot open its link: %s", problem_errno_text(errno));
		return;
	}
	if (loop_add(s->loop, &c->io, fds[0], 0, on_link) != 0) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	c->fds[0] = fds[1];
}

void collector_link_opened(struct service *v)
{
	struct supervisor *s = v->owner;

	if (s->collector.fds[0] != s->null_fd)
		close(s->collector.fds[0]);
	s->collector.fds[0] = s->null_fd;
	pump(s);
}

int collector_link_init(struct supervisor *s)
{
	struct collector_link *c = &s->collector;

	if (c->rings < 0)
		c->rings = memfd_create("mvm-logs", MFD_CLOEXEC);
	return c->rings < 0 ? -errno : 0;
}

/* Make room for the service's ring; grows for several services at once. */
static int grow_rings(struct collector_link *c)
{
	if (c->slots < c->room)
		return 0;
	if (ftruncate(c->rings,
		    (off_t)(c->room + RINGS_AT_ONCE) * (off_t)sizeof(struct log_ring)) != 0)
		return -errno;
	c->room += RINGS_AT_ONCE;
	return 0;
}

static int make_pipe(struct service *v)
{
	struct collector_link *c = &v->owner->collector;
	int fds[2], err;

	err = collector_link_init(v->owner);
	if (err == 0)
		err = grow_rings(c);
	if (err != 0)
		return err;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	/* The collector must never wait for one service. */
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	v->output = (struct output){ .read_fd = fds[0], .write_fd = fds[1], .slot = c->slots++ };
	pump_one(v);
	return 0;
}

/* Undo what an earlier process did to the pipe. */
static void reset_pipe(int fd)
{
	/* A pipe that holds more than that keeps its size until it is read. */
	if (fcntl(fd, F_GETPIPE_SZ) != PIPE_BYTES)
		(void)!fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	(void)!fchmod(fd, 0600);
}

/*
 * Open the pipe for standard output and error. The first process may have PID 1's own open file
 * (`is_first`): only later ones must not share it, and PID 1 does not write. The pipe is copied to
 * the same number each time: the kernel caches a name in /proc/self/fd, and so need not create one
 * for each service.
 */
static int open_twice(const struct supervisor *s, int fd, bool is_first, int *out, int *err)
{
	int number = s->again_fd >= 0 && dup3(fd, s->again_fd, O_CLOEXEC) >= 0 ? s->again_fd : fd;

	*out = is_first ? (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0)
			: file_open_again(s->own_fds, number, O_WRONLY);
	if (*out < 0 && is_first)
		*out = -errno;
	*err = *out >= 0 ? file_open_again(s->own_fds, number, O_WRONLY) : *out;
	if (*err >= 0)
		return 0;
	if (*out >= 0)
		close(*out);
	return *err;
}

int output_open(struct service *v, uid_t uid, gid_t gid, int *out, int *err)
{
	bool is_new = v->output.read_fd < 0;
	int code = is_new ? make_pipe(v) : 0;

	if (code != 0)
		return code;
	if (!is_new)
		reset_pipe(v->output.write_fd);
	if (!is_new || uid != 0 || gid != 0)
		(void)!fchown(v->output.write_fd, uid, gid);
	return open_twice(v->owner, v->output.write_fd, is_new, out, err);
}

/* The collector notices by itself when the last write end of the pipe is closed. */
void output_close(struct service *v)
{
	struct collector_message m = { .verb = COLLECTOR_REMOVE, .slot = v->output.slot };

	if (v->output.read_fd < 0)
		return;
	if (v->owner->collector.io.fd >= 0 && v->output.is_announced)
		send_message(v->owner, &m, -1);
	if (v->owner->again_fd >= 0) /* it may be this pipe (open_twice()) */
		(void)!dup3(v->owner->null_fd, v->owner->again_fd, O_CLOEXEC);
	close(v->output.read_fd);
	close(v->output.write_fd);
	v->output.read_fd = v->output.write_fd = -1;
}

void output_flush(struct service *v)
{
	if (v->output.read_fd < 0)
		return;
	v->output.is_ended = true;
	pump_one(v);
}

/*
 * Map the ring for one reading only: PID 1's memory must not grow with the number of services. An
 * empty ring is not mapped, because reading would allocate its memory; `ring` is then NULL. Returns
 * 0 or -errno.
 */
static int map_ring(const struct service *v, struct log_ring **ring)
{
	off_t begin = (off_t)v->output.slot * (off_t)sizeof(struct log_ring), data;
	int fd = v->owner->collector.rings;
	void *mapped;

	*ring = NULL;
	if (v->output.read_fd < 0)
		return 0;
	data = lseek(fd, begin, SEEK_DATA);
	if (data < 0 ? errno == ENXIO : data >= begin + (off_t)sizeof(struct log_ring))
		return 0;
	mapped = mmap(NULL, sizeof(struct log_ring), PROT_READ, MAP_SHARED, fd, begin);
	if (mapped == MAP_FAILED)
		return -errno;
	*ring = mapped;
	return 0;
}

long output_read(const struct service *v, uint64_t *at, char *out, size_t size, uint64_t *unix_ms)
{
	struct log_ring *r;
	int err = map_ring(v, &r);
	uint64_t left, until;

	if (r == NULL) {
		*at = 0;
		return err;
	}
	if (!log_ring_has(r, *at))
		*at = log_ring_oldest(r);
	*unix_ms = log_ring_time(r, *at, &until);
	left = (until < r->head ? until : r->head) - *at;
	if (left < size)
		size = (size_t)left;
	log_ring_copy(r, *at, out, size);
	munmap(r, sizeof(*r));
	return (long)size;
}

int output_find_lines(const struct service *v, uint64_t lines, uint64_t *at)
{
	struct log_ring *r;
	int err = map_ring(v, &r);

	*at = 0;
	if (r == NULL)
		return err;
	*at = log_ring_last_lines(r, lines);
	munmap(r, sizeof(*r));
	return 0;
}
