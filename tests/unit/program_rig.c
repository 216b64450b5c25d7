/* SPDX-License-Identifier: MIT */
#include "program_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 60000

struct stream {
	int fd;
	char *text;
	size_t len;
};

static void start(const char *const *argv, int in, const int out[2], const int err[2])
{
	dup2(in, 0);
	dup2(out[1], 1);
	dup2(err[1], 2);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Returns false at the end of the stream. */
static bool take(struct stream *s)
{
	ssize_t n;

	s->text = realloc(s->text, s->len + 65536 + 1);
	cr_assert_not_null(s->text);
	n = read(s->fd, s->text + s->len, 65536);
	cr_assert(n >= 0 || errno == EINTR, "read: %s", strerror(errno));
	s->len += n > 0 ? (size_t)n : 0;
	s->text[s->len] = '\0';
	return n != 0;
}

static void collect(struct stream streams[2])
{
	int open = 2;

	while (open > 0) {
		struct pollfd p[2] = { { streams[0].fd, POLLIN, 0 }, { streams[1].fd, POLLIN, 0 } };
		int n = poll(p, 2, DEADLINE_MS);

		cr_assert(n > 0 || errno == EINTR, "the program does not end");
		for (int i = 0; i < 2; i++) {
			if (p[i].revents == 0 || take(&streams[i]))
				continue;
			close(streams[i].fd);
			streams[i].fd = -1;
			open--;
		}
	}
}

static int open_input(const char *input)
{
	char path[] = "/tmp/test-input-XXXXXX";
	int fd;

	if (input == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = mkostemp(path, O_CLOEXEC);
	cr_assert_geq(fd, 0);
	unlink(path);
	cr_assert_eq(write(fd, input, strlen(input)), (ssize_t)strlen(input));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

void program_run(struct program_result *r, const char *const *argv, const char *input)
{
	int in = open_input(input), out[2], err[2], status;
	struct stream streams[2] = { 0 };
	pid_t pid;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		start(argv, in, out, err);
	close(in);
	close(out[1]);
	close(err[1]);
	streams[0].fd = out[0];
	streams[1].fd = err[0];
	collect(streams);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	*r = (struct program_result){ .out = streams[0].text,
		.out_len = streams[0].len,
		.err = streams[1].text,
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status) };
}

void program_free(struct program_result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct program_result){ 0 };
}
