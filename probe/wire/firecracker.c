/* SPDX-License-Identifier: MIT */
#include "probe/wire/firecracker.h"

#include "base/clock.h"
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/show/text.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUOTE_COLUMNS 160

struct call {
	int fd;
	uint64_t deadline_ms;
	struct failure *failure;
	char in[FIRECRACKER_ANSWER_MAX + 1];
	size_t in_len;
};

static bool fail(struct call *c, const char *what, int error)
{
	failure_set(c->failure, FAILURE_SYSTEM, "Firecracker's API: %s: %s", what,
		problem_errno_text(error));
	return false;
}

/* Wait for the socket, at most until the deadline. */
static bool wait_for(struct call *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };

	for (;;) {
		uint64_t now = clock_ms();
		int n = now >= c->deadline_ms ? 0 : poll(&p, 1, (int)(c->deadline_ms - now));

		if (n > 0)
			return true;
		if (n == 0) {
			failure_set(c->failure, FAILURE_TIMEOUT,
				"Firecracker's API did not answer in time; see --timeout");
			return false;
		}
		if (errno != EINTR)
			return fail(c, "poll", errno);
	}
}

static bool connect_to(struct call *c, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(c, path, ENAMETOOLONG);
	strcpy(address.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return fail(c, "socket", errno);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	failure_set(c->failure, FAILURE_NO_SOCKET,
		"%s: %s: is it what Firecracker was given as --api-sock, and does it run?", path,
		problem_errno_text(errno));
	return false;
}

static bool send_all(struct call *c, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (!wait_for(c, POLLOUT))
				return false;
		} else if (errno != EINTR) {
			return fail(c, "send", errno);
		}
	}
	return true;
}

/* Bytes of the whole answer: the head, and the body by its Content-Length; 0: not known yet. */
static size_t answer_size(const struct call *c)
{
	const char *end = text_find(c->in, c->in_len, "\r\n\r\n");
	size_t head;

	if (end == NULL)
		return 0;
	head = (size_t)(end - c->in) + 4;
	for (const char *at = c->in; at < end; at++)
		if (*at == '\n' && strncasecmp(at + 1, "Content-Length:", 15) == 0)
			return head + strtoul(at + 16, NULL, 10);
	return head;
}

static bool receive(struct call *c)
{
	for (;;) {
		size_t want = answer_size(c);
		ssize_t n;

		if (want > 0 && c->in_len >= want)
			return true;
		if (want > FIRECRACKER_ANSWER_MAX || c->in_len == FIRECRACKER_ANSWER_MAX)
			return fail(c, "the answer", EMSGSIZE);
		n = recv(c->fd, c->in + c->in_len, FIRECRACKER_ANSWER_MAX - c->in_len, 0);
		if (n == 0)
			return fail(c, "closed without an answer", ECONNRESET);
		if (n > 0) {
			c->in_len += (size_t)n;
			c->in[c->in_len] = '\0';
		} else if (errno == EAGAIN) {
			if (!wait_for(c, POLLIN))
				return false;
		} else if (errno != EINTR) {
			return fail(c, "receive", errno);
		}
	}
}

/* True if the answer's status is 2xx. Otherwise the failure has Firecracker's message. */
static bool judge(struct call *c, const char *method, const char *path)
{
	unsigned int status = 0;
	char storage[4 * QUOTE_COLUMNS + 1];
	struct buf quoted = BUF_OVER(storage);
	const char *body = text_find(c->in, c->in_len, "\r\n\r\n") + 4, *fault;
	json_t *root;

	if (strncmp(c->in, "HTTP/1.", 7) == 0 && strlen(c->in) > 9)
		status = (unsigned int)strtoul(c->in + 9, NULL, 10);
	if (status >= 200 && status <= 299)
		return true;
	root = json_loads(body, 0, NULL);
	fault = json_string_value(json_object_get(root, "fault_message"));
	buf_clear(&quoted);
	text_put_visible(&quoted, text_of(fault != NULL ? fault : body), QUOTE_COLUMNS);
	json_decref(root);
	failure_set(c->failure, FAILURE_ERROR_ANSWER, "Firecracker refuses %s %s (%u): %s", method,
		path, status, quoted.data);
	return false;
}

bool firecracker_call(const char *socket, const char *method, const char *path, const char *body,
	uint64_t timeout_ms, struct failure *f)
{
	struct call *c = memory_must(calloc(1, sizeof(*c)));
	char head[256];
	bool done;

	c->fd = -1;
	c->deadline_ms = clock_ms() + timeout_ms;
	c->failure = f;
	buf_format(head, sizeof(head),
		"%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		method, path, strlen(body));
	done = connect_to(c, socket) && send_all(c, head, strlen(head)) &&
	       send_all(c, body, strlen(body)) && receive(c) && judge(c, method, path);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	return done;
}
