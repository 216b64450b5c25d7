/* SPDX-License-Identifier: MIT */
#include "supervisor/output.h"

#include "base/buf.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At a time: then other descriptors have their turn. */
#define READ_MAX 4096

static void write_line(struct output *o)
{
	o->line[o->len++] = '\n';
	log_raw(o->line, o->len);
	o->len = o->tag_len;
}

/* Lines that are too long are broken; control characters must not reach a terminal. */
static void take_byte(struct output *o, char c)
{
	if (c == '\n') {
		write_line(o);
		return;
	}
	if (o->len == LOG_LINE_MAX - 1)
		write_line(o);
	if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
		c = c == '\r' ? ' ' : '?';
	o->line[o->len++] = c;
}

static void on_output(struct loop_io *io, uint32_t events)
{
	struct output *o = LOOP_OWNER(io, struct output, io);
	char bytes[READ_MAX];
	ssize_t n = read(io->fd, bytes, sizeof(bytes));

	(void)events;
	for (ssize_t i = 0; i < n; i++)
		take_byte(o, bytes[i]);
}

int output_open_console(struct output *o, struct loop *loop, const char *name)
{
	int fds[2], err;

	o->line = malloc(LOG_LINE_MAX);
	if (o->line == NULL)
		return -ENOMEM;
	o->len = o->tag_len = buf_format(o->line, LOG_LINE_MAX, "%s: ", name);
	err = pipe2(fds, O_CLOEXEC) != 0 ? -errno : 0;
	if (err == 0) {
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		o->write_fd = fds[1];
		err = loop_add(loop, &o->io, fds[0], EPOLLIN, on_output);
	}
	if (err == 0)
		return 0;
	if (o->write_fd >= 0) {
		close(fds[0]);
		close(fds[1]);
		o->write_fd = -1;
	}
	free(o->line);
	o->line = NULL;
	return err;
}

void output_close(struct output *o, struct loop *loop)
{
	int fd = o->io.fd;

	if (o->write_fd < 0)
		return;
	if (o->len > o->tag_len)
		write_line(o);
	loop_remove(loop, &o->io);
	close(fd);
	close(o->write_fd);
	free(o->line);
	o->line = NULL;
	o->write_fd = -1;
}

static int open_checked(const char *path, gid_t group)
{
	int fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		0640);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0 && st.st_gid != group)
		(void)!fchown(fd, (uid_t)-1, group);
	fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

int output_open_file(const char *path, gid_t group, struct problem *p)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	int fd = open_checked(path, group);

	if (fd == -ENOENT && len > 0 && len < sizeof(directory)) {
		memcpy(directory, path, len);
		directory[len] = '\0';
		if (file_make_directories(directory) == 0)
			fd = open_checked(path, group);
	}
	return fd < 0 ? problem_set(p, -fd, "log_file %s", path) : fd;
}
