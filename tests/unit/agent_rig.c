/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct agent_rig rig;

static int log_read_fd = -1;

static void signals_ready(struct loop_io *io, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		jobs_reap(&rig.jobs);
}

void rig_start(void)
{
	sigset_t set;
	int fd;

	strcpy(rig.directory, "/tmp/test-agent-XXXXXX");
	cr_assert_not_null(mkdtemp(rig.directory));
	cr_assert_eq(chmod(rig.directory, 0755), 0);
	cr_assert_eq(loop_init(&rig.loop), 0);
	cr_assert_eq(jobs_init(&rig.jobs, &rig.loop), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	cr_assert_geq(fd, 0);
	cr_assert_eq(loop_add(&rig.loop, &rig.signals, fd, EPOLLIN, signals_ready), 0);
}

void rig_checker(struct checker *checker, struct identities *ids,
	void (*changed)(void *owner, struct check *check))
{
	struct problem p;

	cr_assert_eq(identities_load(ids, &p), 0, "%s", p.text);
	ids->default_user = geteuid() == 0 ? "nobody" : NULL;
	*checker = (struct checker){ .loop = &rig.loop,
		.jobs = &rig.jobs,
		.identities = ids,
		.changed = changed,
		.owner = checker };
}

void rig_stop(void)
{
	char command[64];
	int fd = rig.signals.fd;

	jobs_close(&rig.jobs);
	loop_remove(&rig.loop, &rig.signals);
	close(fd);
	loop_close(&rig.loop);
	snprintf(command, sizeof(command), "rm -rf %s", rig.directory);
	cr_assert_eq(system(command), 0);
	if (log_read_fd >= 0)
		close(log_read_fd);
}

static void too_late(struct loop_timer *timer)
{
	(void)timer;
	cr_assert_fail("nothing has happened for %d ms", RIG_DEADLINE_MS);
}

void rig_until(bool (*done)(const void *arg), const void *arg)
{
	struct loop_timer deadline = { .expire = too_late };

	loop_timer_set(&rig.loop, &deadline, clock_ms() + RIG_DEADLINE_MS);
	while (!done(arg))
		cr_assert_eq(loop_run_once(&rig.loop), 0);
	loop_timer_clear(&rig.loop, &deadline);
}

const char *rig_path(const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", rig.directory, name);
	return path;
}

const char *rig_file(const char *name, const char *text)
{
	const char *path = rig_path(name);

	cr_assert_eq(file_create(path, text, strlen(text), 0644), 0, "%s", path);
	return path;
}

size_t rig_frame(const char *text, char *out)
{
	size_t len = strlen(text);

	protocol_header_encode((uint32_t)len, (unsigned char *)out);
	memcpy(out + PROTOCOL_HEADER_BYTES, text, len);
	return PROTOCOL_HEADER_BYTES + len;
}

void rig_send(int fd, const void *bytes, size_t len)
{
	cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len, "%m");
}

/* One non-blocking socket that is waited for while the loop runs. */
struct waited {
	struct loop_io io;
	bool ready;
};

static void waited_ready(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct waited, io)->ready = true;
	loop_remove(&rig.loop, io);
}

static bool is_ready(const void *arg)
{
	return ((const struct waited *)arg)->ready;
}

/* Read up to `len` bytes, waiting for the first. */
static size_t read_some(int fd, char *at, size_t len)
{
	for (;;) {
		struct waited w = { .ready = false };
		ssize_t n = recv(fd, at, len, MSG_DONTWAIT);

		if (n >= 0 || errno == ECONNRESET)
			return n > 0 ? (size_t)n : 0;
		cr_assert_eq(errno, EAGAIN, "%m");
		cr_assert_eq(loop_add(&rig.loop, &w.io, fd, EPOLLIN, waited_ready), 0);
		rig_until(is_ready, &w);
	}
}

static bool read_whole(int fd, char *at, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		n = read_some(fd, at + done, len - done);
		if (n == 0)
			return false;
	}
	return true;
}

char *rig_receive(int fd)
{
	unsigned char header[PROTOCOL_HEADER_BYTES];
	size_t len;
	char *text;

	if (!read_whole(fd, (char *)header, sizeof(header)))
		return NULL;
	len = protocol_header_decode(header);
	cr_assert_leq(len, PROTOCOL_BODY_MAX);
	text = calloc(1, len + 1);
	cr_assert_not_null(text);
	cr_assert(read_whole(fd, text, len), "the reply ends early");
	return text;
}

size_t rig_drain(int fd)
{
	char bytes[4096];
	size_t total = 0, n;

	while ((n = read_some(fd, bytes, sizeof(bytes))) > 0)
		total += n;
	return total;
}

void rig_log_start(void)
{
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	log_read_fd = fds[0];
	log_open(fds[1], "");
}

const char *rig_log(void)
{
	static char text[65536];
	size_t len = strlen(text);
	ssize_t n = read(log_read_fd, text + len, sizeof(text) - 1 - len);

	if (n > 0)
		text[len + (size_t)n] = '\0';
	return text;
}

size_t rig_count(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}
