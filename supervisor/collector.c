/* SPDX-License-Identifier: MIT */
#include "supervisor/collector.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/syscall_cage.h"
#include "supervisor/collector_protocol.h"
#include "supervisor/log_file.h"
#include "supervisor/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The most lines that a service may show in RATE_MS, so that it cannot drown the others. */
#define RATE_LINES 1000
#define RATE_MS    5000

/* One service. */
struct source {
	struct source *next;
	struct collector *owner;
	struct loop_io pipe;
	struct log_ring *ring; /* NULL: the service has not written yet */
	uint32_t slot;
	char name[SERVICE_NAME_MAX];
	struct log_file file;
	bool flush;                /* write the last line even without its newline */
	uint64_t window_ms;        /* when the current window of the rate limit began */
	unsigned int window_lines; /* lines in it */
	struct loop_timer drop_timer;
};

struct collector {
	struct loop loop;
	struct loop_io link, console, term;
	struct source *sources;
	bool console_full;          /* the loop waits for EPOLLOUT */
	char pending[LOG_LINE_MAX]; /* a line that was written only in part */
	size_t pending_at, pending_len;
	bool done, failed;
};

/* ---- the console ------------------------------------------------------------------------------
 */

/* Write the pending bytes. Returns false when the console takes no more for now. */
static bool write_pending(struct collector *c)
{
	while (c->pending_at < c->pending_len) {
		ssize_t n = write(
			c->console.fd, c->pending + c->pending_at, c->pending_len - c->pending_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			break; /* a broken console must not stop the reading */
		c->pending_at += (size_t)n;
	}
	c->pending_at = c->pending_len = 0;
	return true;
}

static void put_line(struct source *s, size_t tag_len, size_t len)
{
	struct collector *c = s->owner;

	log_hide_controls(c->pending + tag_len, len);
	c->pending[tag_len + len] = '\n';
	c->pending_len = tag_len + len + 1;
	c->pending_at = 0;
}

/* Put a note in place of the dropped lines. */
static void say_dropped(struct source *s)
{
	struct collector *c = s->owner;

	c->pending_at = 0;
	c->pending_len = buf_format(c->pending, sizeof(c->pending), "%s: %llu lines dropped\n",
		s->name, (unsigned long long)s->ring->dropped);
	s->ring->dropped = 0;
}

static void on_window_end(struct loop_timer *timer);

/* True if another line of this service may go to the console now. */
static bool within_rate(struct source *s)
{
	uint64_t now = clock_ms();

	if (now - s->window_ms >= RATE_MS) {
		s->window_ms = now;
		s->window_lines = 0;
	}
	if (s->window_lines++ < RATE_LINES)
		return true;
	if (!s->drop_timer.set) {
		s->drop_timer.expire = on_window_end;
		loop_timer_set(&s->owner->loop, &s->drop_timer, s->window_ms + RATE_MS);
	}
	return false;
}

/* Move lines from the ring to the console. Returns false when the console is full before the ring
 * is empty. */
static bool show_lines(struct source *s)
{
	struct collector *c = s->owner;
	char tag[SERVICE_NAME_MAX + 2];
	size_t tag_len = buf_format(tag, sizeof(tag), "%s: ", s->name), len;
	bool whole;

	for (;;) {
		if (!write_pending(c))
			return false;
		if (s->ring->dropped > 0 && !s->drop_timer.set) {
			say_dropped(s);
			continue;
		}
		if (!log_ring_next_line(
			    s->ring, LOG_LINE_MAX - 1 - tag_len, s->flush, &len, &whole))
			break;
		if (within_rate(s)) {
			memcpy(c->pending, tag, tag_len);
			log_ring_copy(s->ring, s->ring->shown, c->pending + tag_len, len);
			put_line(s, tag_len, len);
		} else {
			s->ring->dropped++;
		}
		s->ring->shown += len + whole;
	}
	s->flush = false;
	return true;
}

static void pass_on(struct source *s)
{
	struct collector *c = s->owner;

	if (s->ring == NULL) {
		s->flush = false;
	} else if (log_file_is_used(&s->file)) {
		log_file_append(&s->file, s->name, s->ring);
		s->flush = false;
	} else if (!c->console_full && !show_lines(s)) {
		c->console_full = true;
		loop_change(&c->loop, &c->console, EPOLLOUT);
	}
}

static void on_console_room(struct loop_io *io, uint32_t events)
{
	struct collector *c = LOOP_OWNER(io, struct collector, console);

	(void)events;
	if (!c->console_full)
		return;
	c->console_full = false;
	loop_change(&c->loop, &c->console, 0);
	for (struct source *s = c->sources; s != NULL && !c->console_full; s = s->next)
		pass_on(s);
}

static void on_window_end(struct loop_timer *timer)
{
	pass_on(LOOP_OWNER(timer, struct source, drop_timer));
}

/* ---- services ---------------------------------------------------------------------------------
 */

static void finish_line(struct source *s);
static void end_source(struct source *s);

static struct log_ring *map_ring(uint32_t slot)
{
	return mmap(NULL, sizeof(struct log_ring), PROT_READ | PROT_WRITE, MAP_SHARED,
		COLLECTOR_RING_FD, (off_t)slot * (off_t)sizeof(struct log_ring));
}

/*
 * End the collector: a service whose pipe nobody reads would hang once the pipe is full. PID 1
 * starts the next collector, which gets all services again and may succeed.
 */
static void give_up(struct source *s, int code)
{
	log_line(COLLECTOR_NAME ": cannot take the output of %s: %s", s->name,
		problem_errno_text(code));
	s->owner->done = s->owner->failed = true;
}

/* The ring is mapped at the first output, so silent services need no memory. */
static bool has_ring(struct source *s)
{
	struct log_ring *r = s->ring != NULL ? s->ring : map_ring(s->slot);

	if (r == MAP_FAILED) {
		give_up(s, errno);
		return false;
	}
	if (s->ring == NULL)
		log_ring_recover(r);
	s->ring = r;
	return true;
}

static void on_pipe(struct loop_io *io, uint32_t events)
{
	struct source *s = LOOP_OWNER(io, struct source, pipe);
	ssize_t n = has_ring(s) ? log_ring_read(s->ring, io->fd) : -ENOMEM;

	(void)events;
	if (n > 0) {
		pass_on(s);
	} else if (n == 0) { /* PID 1 has closed its end, too: the service was removed */
		finish_line(s);
		end_source(s);
	}
}

static struct source *find(struct collector *c, uint32_t slot)
{
	struct source *s = c->sources;

	while (s != NULL && s->slot != slot)
		s = s->next;
	return s;
}

/* The service has ended: read the rest, and treat an unfinished line as a line. */
static void finish_line(struct source *s)
{
	struct pollfd waiting = { .fd = s->pipe.fd, .events = POLLIN };

	if (s->ring == NULL && (poll(&waiting, 1, 0) != 1 || (waiting.revents & POLLIN) == 0))
		return;
	while (has_ring(s) && log_ring_read(s->ring, s->pipe.fd) > 0)
		pass_on(s);
	s->flush = true;
	pass_on(s);
}

static void remove_source(struct source *s)
{
	struct collector *c = s->owner;
	struct source **at = &c->sources;
	int fd = s->pipe.fd;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	loop_remove(&c->loop, &s->pipe);
	loop_timer_clear(&c->loop, &s->drop_timer);
	close(fd);
	log_file_close(&s->file);
	if (s->ring != NULL)
		munmap(s->ring, sizeof(*s->ring));
	free(s);
}

/* The service was removed: nobody will ask for its output again, so free its memory. */
static void end_source(struct source *s)
{
	fallocate(COLLECTOR_RING_FD, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)s->slot * (off_t)sizeof(*s->ring), sizeof(*s->ring));
	remove_source(s);
}

/* True if an earlier collector left output in the ring, which may not be shown yet.
 */
static bool ring_is_used(uint32_t slot)
{
	off_t begin = (off_t)slot * (off_t)sizeof(struct log_ring);
	off_t at = lseek(COLLECTOR_RING_FD, begin, SEEK_DATA);

	return at < 0 ? errno != ENXIO : at < begin + (off_t)sizeof(struct log_ring);
}

static void add_source(struct collector *c, const struct collector_message *m, int pipe_fd)
{
	struct source *s = calloc(1, sizeof(*s));
	int err = pipe_fd < 0 ? -EMFILE : 0; /* SCM_RIGHTS, unix(7) */

	if (s == NULL) {
		close(pipe_fd);
		c->done = c->failed = true;
		return;
	}
	s->owner = c;
	s->slot = m->slot;
	memcpy(s->name, m->name, sizeof(s->name));
	log_file_init(&s->file, m);
	if (err == 0)
		err = loop_add(&c->loop, &s->pipe, pipe_fd, EPOLLIN, on_pipe);
	if (err != 0) {
		give_up(s, -err);
		free(s);
		close(pipe_fd);
		return;
	}
	s->next = c->sources;
	c->sources = s;
	if (ring_is_used(s->slot) && has_ring(s))
		pass_on(s);
}

static void take_message(struct collector *c, const struct collector_message *m, int fd)
{
	struct source *s = find(c, m->slot);

	if (m->verb == COLLECTOR_ADD) {
		if (s != NULL)
			remove_source(s);
		add_source(c, m, fd);
		return;
	}
	if (s != NULL) {
		finish_line(s);
		if (m->verb == COLLECTOR_REMOVE)
			end_source(s);
	}
	if (fd >= 0)
		close(fd);
}

/* Returns the length of a message, 0 at the end, or -errno. `fd` is a passed descriptor or -1. */
static ssize_t receive(int link, struct collector_message *m, int *fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(link, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*fd = -1;
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n;
}

static void on_link(struct loop_io *io, uint32_t events)
{
	struct collector *c = LOOP_OWNER(io, struct collector, link);
	struct collector_message m;
	int fd;
	ssize_t n = receive(io->fd, &m, &fd);

	(void)events;
	if (n == (ssize_t)sizeof(m))
		take_message(c, &m, fd);
	else if (n >= 0)
		c->done = true;
}

/* TERM comes only at shutdown, after every service has ended: the last lines are in the pipes. */
static void on_term(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct collector, term)->done = true;
}

static int watch_term(struct collector *c)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	return loop_add_signals(&c->loop, &c->term, &term, on_term);
}

/* Otherwise ps(1) would show /proc/self/exe. */
static void take_name(char *argv0)
{
	size_t room = strlen(argv0);

	prctl(PR_SET_NAME, COLLECTOR_NAME);
	memset(argv0, 0, room);
	if (room >= strlen(COLLECTOR_NAME))
		memcpy(argv0, COLLECTOR_NAME, strlen(COLLECTOR_NAME));
}

#define ANY(name)                                                                                  \
	{                                                                                          \
		__NR_##name, SYSCALL_CAGE_ANY                                                      \
	}

/* It reads what services write: pipes to rings, rings to files. It starts nothing and connects to
 * nothing. One group is one paragraph. */
/* clang-format off */
static const struct syscall_cage_rule rules[] = {
	ANY(epoll_ctl), ANY(epoll_pwait), ANY(ppoll), ANY(clock_gettime), ANY(sched_yield),
	ANY(restart_syscall), ANY(recvmsg), ANY(read), ANY(write), ANY(readv), ANY(writev),
	ANY(close), ANY(fcntl), ANY(lseek),

	ANY(openat), ANY(openat2), ANY(fstat), ANY(newfstatat), ANY(fchown), ANY(fchmod),
	ANY(fchownat), ANY(mkdirat), ANY(renameat2), ANY(renameat), ANY(unlinkat), ANY(readlinkat),
	ANY(faccessat), ANY(fallocate), ANY(ftruncate),
#ifdef __x86_64__
	ANY(epoll_wait), ANY(poll), ANY(open), ANY(stat), ANY(lstat), ANY(chown), ANY(lchown),
	ANY(mkdir), ANY(rename), ANY(unlink), ANY(readlink), ANY(access),
#endif

	{ __NR_mmap, SYSCALL_CAGE_NOT_RUNNABLE }, { __NR_mprotect, SYSCALL_CAGE_NOT_RUNNABLE },
	ANY(munmap), ANY(mremap), ANY(madvise), ANY(brk),

	ANY(getpid), ANY(gettid), ANY(rt_sigaction), ANY(rt_sigprocmask), ANY(rt_sigreturn),
	ANY(futex), ANY(exit), ANY(exit_group),
};
/* clang-format on */

/* It writes files as root, and those of services wherever they want them: Landlock would not know
 * where. */
static void restrict_calls(void)
{
	int err = SYSCALL_CAGE_WORKS ? syscall_cage_enter(COLLECTOR_NAME, rules,
					       sizeof(rules) / sizeof(rules[0]))
				     : 0;

	if (err != 0)
		log_line(
			COLLECTOR_NAME ": no filter of system calls: %s", problem_errno_text(-err));
}

int collector_main(char *argv0)
{
	static struct collector c;
	int console;

	take_name(argv0);
	console = open("/dev/console", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (console < 0)
		console = STDERR_FILENO;
	log_open(console, "");
	file_raise_limit(RLIM_INFINITY); /* each service takes a pipe, and often a file */
	if (loop_init(&c.loop) != 0 || watch_term(&c) != 0 ||
		loop_add(&c.loop, &c.link, COLLECTOR_LINK_FD, EPOLLIN, on_link) != 0)
		return 1;
	if (loop_add(&c.loop, &c.console, console, 0, on_console_room) != 0)
		c.console.fd = console; /* a plain file is never full */
	restrict_calls();
	while (!c.done)
		if (loop_run_once(&c.loop) != 0)
			return 1;
	for (struct source *s = c.sources; s != NULL; s = s->next)
		finish_line(s);
	return c.failed;
}
