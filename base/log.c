/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/buf.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#define TRIES_MAX 64

static struct {
	int fd;
	const char *prefix;
	unsigned long dropped;
} out = { .fd = STDERR_FILENO, .prefix = "" };

void log_open(int fd, const char *prefix)
{
	out.fd = fd;
	out.prefix = prefix;
}

int log_fd(void)
{
	return out.fd;
}

static bool has_room(void)
{
	struct pollfd p = { .fd = out.fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/*
 * A terminal may take only a part of a line. The rest is tried TRIES_MAX times and then dropped:
 * waiting for a slow console would stop the program.
 */
static int write_whole(const char *bytes, size_t len)
{
	size_t done = 0;

	for (int tries = 0; done < len && tries < TRIES_MAX; tries++) {
		ssize_t n = write(out.fd, bytes + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN && has_room())
			sched_yield(); /* another process is writing to the same terminal */
		else
			break;
	}
	return done > 0 ? 0 : -1;
}

static void say_dropped(void)
{
	char text[128];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_printf(&b, "%s%lu console lines dropped: the console is too slow\n", out.prefix,
		out.dropped);
	if (write_whole(b.data, b.len) == 0)
		out.dropped = 0;
}

void log_raw(const char *line, unsigned long len)
{
	if (out.dropped > 0)
		say_dropped();
	if (out.dropped > 0 || write_whole(line, len) != 0)
		out.dropped++;
}

void log_hide_controls(char *text, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == 0xc2 && i + 1 < len && ((unsigned char)text[i + 1] & 0xe0) == 0x80)
			text[i] = text[i + 1] = '?';
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			text[i] = c == '\r' ? ' ' : '?';
	}
}

void log_line(const char *format, ...)
{
	char text[LOG_LINE_MAX];
	struct buf b;
	va_list args;

	buf_init(&b, text, sizeof(text));
	buf_puts(&b, out.prefix);
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
	log_hide_controls(b.data, b.len);
	b.data[b.len] = '\n';
	log_raw(b.data, b.len + 1);
}

void log_problem(const struct problem *p)
{
	log_line("%s", p->text);
}

static void take_problem(void *context, const struct problem *p)
{
	(void)context;
	log_problem(p);
}

const struct reporter log_problems = { .take = take_problem };
