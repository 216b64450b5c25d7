/* SPDX-License-Identifier: MIT */
#include "agent/starter/starter.h"

#include "agent/starter/starter_call.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- messages -------------------------------------------------------------------------------- */

union descriptors {
	struct cmsghdr header;
	char space[CMSG_SPACE(STARTER_FDS_MAX * sizeof(int))];
};

int starter_send(int fd, const void *bytes, size_t len, const char *text, size_t text_len,
	const int *fds, size_t fd_count)
{
	union descriptors control = { 0 };
	struct iovec parts[2] = { { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len },
		{ .iov_base = (void *)(uintptr_t)text, .iov_len = text_len } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = text_len > 0 ? 2 : 1 };
	ssize_t n;

	if (fd_count > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(fd_count * sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	n = sendmsg(fd, &m, MSG_NOSIGNAL);
	if (n < (ssize_t)len)
		return n < 0 ? -errno : -EIO; /* a socket takes so few bytes at once */
	n -= (ssize_t)len;
	return text_len == 0 ? 0 : file_write_all(fd, text + n, text_len - (size_t)n);
}

static size_t take_descriptors(struct msghdr *m, int *fds, size_t fd_max)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (count < fd_max)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

int starter_receive(int fd, void *bytes, size_t len, int *fds, size_t fd_max, size_t *fd_count)
{
	union descriptors control;
	struct iovec part = { .iov_base = bytes, .iov_len = len };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*fd_count = 0;
	if (n < 0)
		return -errno;
	*fd_count = take_descriptors(&m, fds, fd_max);
	return n == (ssize_t)len ? 0 : -EPIPE;
}

/* ---- the agent's end ------------------------------------------------------------------------- */

void starter_none(struct starter *s)
{
	s->fd = -1;
	start_defaults_read(&s->defaults);
}

int starter_begin(struct starter *s, const struct options *o, const char *policy, struct problem *p)
{
	int ends[2];
	pid_t pid;

	starter_none(s);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return problem_set(p, errno, "starter: socketpair");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		starter_serve(ends[1], o, policy, &s->defaults);
	}
	close(ends[1]);
	if (pid < 0) {
		int err = problem_set(p, errno, "starter: fork");

		close(ends[0]);
		return err;
	}
	s->fd = ends[0];
	return 0;
}

void starter_close(struct starter *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/*
 * After a call or an answer that was cut short, the next message could not be told from its rest:
 * the starter ends, and the agent with it. Returns `err`.
 */
static int lost(const struct starter *s, int err)
{
	shutdown(s->fd, SHUT_RDWR);
	return err;
}

/* Make a call without an answer. Returns 0 or -errno. */
static int tell(const struct starter *s, const struct starter_call *call, const char *text,
	const int *fds, size_t fd_count)
{
	int err = starter_send(s->fd, call, sizeof(*call), text, call->text_len, fds, fd_count);

	return err != 0 ? lost(s, err) : 0;
}

/* Receive the answer to call `id`. An earlier call's second answer may be before it. */
static int receive_answer(const struct starter *s, uint32_t id, struct starter_answer *answer,
	int *got, size_t fd_max, size_t *count)
{
	for (;;) {
		int err = starter_receive(s->fd, answer, sizeof(*answer), got, fd_max, count);

		if (err != 0 || answer->id == id)
			return err != 0 ? lost(s, err) : 0;
		while (*count > 0)
			close(got[--*count]);
	}
}

/* Make a call; its answer has `fd_max` descriptors unless it is an error. Returns 0 or -errno. */
static int ask(const struct starter *s, const struct starter_call *call, const char *text,
	const int *fds, size_t fd_count, struct starter_answer *answer, int *got, size_t fd_max)
{
	static uint32_t calls;
	struct starter_call numbered = *call;
	size_t count = 0;
	int err;

	numbered.id = ++calls;
	err = tell(s, &numbered, text, fds, fd_count);
	if (err == 0)
		err = receive_answer(s, numbered.id, answer, got, fd_max, &count);
	if (err == 0)
		err = answer->error;
	if (err == 0 && count != fd_max)
		err = -EMFILE; /* the kernel dropped descriptors: unix(7) */
	while (got != NULL && err != 0 && count > 0)
		close(got[--count]);
	return err;
}

static size_t add(char *text, size_t at, const char *word)
{
	size_t size = strlen(word) + 1;

	if (text != NULL)
		memcpy(text + at, word, size);
	return at + size;
}

/* Returns the length of the text; `text` may be NULL. Counts words in `call`. */
static size_t put_text(char *text, const struct start_request *r, struct starter_call *call)
{
	size_t at = add(text, 0, r->user != NULL ? r->user->name : "");

	at = add(text, at, r->directory != NULL ? r->directory : "");
	call->argc = call->envc = 0;
	for (char *const *word = r->argv; *word != NULL; word++, call->argc++)
		at = add(text, at, *word);
	for (char *const *word = r->envp; *word != NULL; word++, call->envc++)
		at = add(text, at, *word);
	return at;
}

int starter_program(
	const struct starter *s, const struct start_request *r, pid_t *pid, int *report_fd)
{
	int fds[STARTER_FDS_MAX] = { r->stdio[0], r->stdio[1], r->stdio[2] };
	size_t fd_count = 3;
	struct starter_call call = { .verb = STARTER_PROGRAM,
		.takes_terminal = r->takes_terminal,
		.dumps_no_core = r->dumps_no_core,
		.has_control = r->control_fd > 0,
		.has_cgroup = r->cgroup_fd >= 0 };
	struct starter_answer answer;
	char small[4096], *text = small; /* most programs need no memory */
	size_t len;
	int err;

	if (s->fd < 0)
		return start_program(&s->defaults, r, pid, report_fd);
	len = put_text(NULL, r, &call);
	if (len > STARTER_TEXT_MAX)
		return -E2BIG;
	if (len > sizeof(small))
		text = malloc(len);
	if (text == NULL)
		return -ENOMEM;
	call.text_len = (uint32_t)put_text(text, r, &call);
	if (r->control_fd > 0)
		fds[fd_count++] = r->control_fd;
	if (r->cgroup_fd >= 0)
		fds[fd_count++] = r->cgroup_fd;
	err = ask(s, &call, text, fds, fd_count, &answer, report_fd, 1);
	if (text != small)
		free(text);
	if (err == 0)
		*pid = answer.pid;
	return err;
}

int starter_signal(const struct starter *s, pid_t pid, int signal)
{
	struct starter_call call = { .verb = STARTER_SIGNAL, .pid = pid, .signal = signal };
	struct starter_answer answer;

	return s->fd < 0 ? start_signal(pid, signal)
			 : ask(s, &call, NULL, NULL, 0, &answer, NULL, 0);
}

void starter_kill_session(const struct starter *s, pid_t pid)
{
	struct starter_call call = { .verb = STARTER_SESSION, .pid = pid };

	if (s->fd < 0)
		start_kill_session(pid);
	else
		(void)tell(s, &call, NULL, NULL, 0);
}

void starter_kill_listed(const struct starter *s, int cgroup_fd)
{
	struct starter_call call = { .verb = STARTER_LISTED };

	if (s->fd < 0)
		start_kill_listed(cgroup_fd);
	else
		(void)tell(s, &call, NULL, &cgroup_fd, 1);
}

int starter_terminal(const struct starter *s, const struct account *user, uint16_t cols,
	uint16_t rows, struct terminal *t, struct problem *p)
{
	struct starter_call call = { .verb = STARTER_TERMINAL,
		.cols = cols,
		.rows = rows,
		.text_len = (uint32_t)strlen(user->name) + 1 };
	struct starter_answer answer;
	int got[2], err;

	if (s->fd < 0)
		return terminal_open(t, user->uid, cols, rows, p);
	err = ask(s, &call, user->name, NULL, 0, &answer, got, 2);
	if (err != 0)
		return problem_set(p, -err, "pseudo-terminal");
	*t = (struct terminal){ .master = got[0], .slave = got[1] };
	return 0;
}

void starter_reload(const struct starter *s)
{
	struct starter_call call = { .verb = STARTER_RELOAD };

	if (s->fd >= 0)
		(void)tell(s, &call, NULL, NULL, 0);
}
