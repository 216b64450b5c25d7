/* SPDX-License-Identifier: MIT */
#include "fake_agent.h"

#include "base/clock.h"
#include "protocol/frame.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake_connection {
	struct fake_agent *agent;
	struct loop_io io;
	struct loop_timer timer;
	bool greeted; /* the CONNECT line is complete */
	char *in;
	size_t in_len;
	char *out;
	size_t out_len, out_at;
	size_t sent; /* of everything */
	bool answered;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fake agent: %s: %s\n", what, strerror(errno));
	abort();
}

static void end(struct fake_connection *c)
{
	int fd = c->io.fd;

	loop_timer_clear(c->agent->loop, &c->timer);
	loop_remove(c->agent->loop, &c->io);
	close(fd);
	c->agent->open--;
	free(c->in);
	free(c->out);
	free(c);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void push(struct fake_connection *c, const void *bytes, size_t len)
{
	c->out = realloc(c->out, c->out_len + len + 1);
	must(c->out != NULL, "memory");
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += len;
}

/* How much may go out now; 0: nothing ever again. */
static size_t allowance(const struct fake_connection *c)
{
	const struct fake_script *s = c->agent->script;
	size_t n = c->out_len - c->out_at;

	if (s->piece > 0 && n > s->piece)
		n = s->piece;
	if (s->stop_after > 0 && n > s->stop_after - c->sent)
		n = s->stop_after - c->sent;
	return n;
}

/* Returns false when the connection is gone. */
static bool flush(struct fake_connection *c)
{
	const struct fake_script *s = c->agent->script;

	while (c->out_at < c->out_len) {
		size_t want = allowance(c);
		ssize_t n = want == 0 ? 0 : send(c->io.fd, c->out + c->out_at, want, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			loop_change(c->agent->loop, &c->io, EPOLLOUT);
			return true;
		}
		if (n < 0 || (want == 0 && !s->hang)) {
			end(c);
			return false;
		}
		if (want == 0)
			return true;
		c->out_at += (size_t)n;
		c->sent += (size_t)n;
		if (s->piece > 0 && c->out_at < c->out_len) {
			loop_timer_set(c->agent->loop, &c->timer, clock_ms() + s->pause_ms);
			return true;
		}
	}
	loop_change(c->agent->loop, &c->io, s->ignore_requests ? 0 : EPOLLIN);
	if (s->stop_after > 0 && c->sent == s->stop_after && !s->hang) {
		end(c);
		return false;
	}
	if (!c->answered || s->stay || s->hang)
		return true;
	end(c);
	return false;
}

static bool begin_flush(struct fake_connection *c)
{
	uint64_t pause_ms = c->agent->script->pause_ms;

	if (pause_ms == 0)
		return flush(c);
	loop_timer_set(c->agent->loop, &c->timer, clock_ms() + pause_ms);
	return true;
}

static void pause_is_over(struct loop_timer *timer)
{
	flush(LOOP_OWNER(timer, struct fake_connection, timer));
}

static void push_answer(struct fake_connection *c, const char *request)
{
	struct fake_agent *a = c->agent;
	const struct fake_answer *answer = a->script->answers;
	const char *body = a->respond != NULL ? a->respond(a, request) : NULL;
	unsigned char header[PROTOCOL_HEADER_BYTES];
	size_t len = body == NULL ? 0 : strlen(body);

	for (; body == NULL && answer != NULL && answer->body != NULL; answer++)
		if (answer->request == NULL || strcmp(answer->request, request) == 0) {
			body = answer->body;
			len = answer->body_len > 0 ? answer->body_len : strlen(body);
		}
	c->answered = true;
	if (body == NULL)
		return;
	protocol_header_encode((uint32_t)len, header);
	if (!a->script->raw)
		push(c, header, sizeof(header));
	push(c, body, len);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* The CONNECT line, when it is there. Returns false when the connection is gone. */
static bool take_connect(struct fake_connection *c)
{
	const struct fake_script *s = c->agent->script;
	char *newline = memchr(c->in, '\n', c->in_len);
	const char *ok = s->ok != NULL ? s->ok : FAKE_OK;
	size_t len;

	if (newline == NULL || s->ignore_connect)
		return true;
	len = (size_t)(newline + 1 - c->in);
	snprintf(c->agent->last_connect, sizeof(c->agent->last_connect), "%.*s", (int)len, c->in);
	memmove(c->in, newline + 1, c->in_len - len);
	c->in_len -= len;
	c->greeted = true;
	push(c, ok, strlen(ok));
	if (s->ok_with_answer) {
		push_answer(c, "");
		c->answered = false; /* stays open for the request */
	}
	return begin_flush(c);
}

static bool take_request(struct fake_connection *c)
{
	struct fake_agent *a = c->agent;
	uint32_t len;

	if (c->in_len < PROTOCOL_HEADER_BYTES)
		return true;
	len = protocol_header_decode((unsigned char *)c->in);
	must(len < FAKE_REQUEST_MAX, "request too large");
	if (c->in_len < PROTOCOL_HEADER_BYTES + len)
		return true;
	memcpy(a->last_request, c->in + PROTOCOL_HEADER_BYTES, len);
	a->last_request[len] = '\0';
	a->last_request_len = len;
	a->requests++;
	c->in_len -= PROTOCOL_HEADER_BYTES + len;
	memmove(c->in, c->in + PROTOCOL_HEADER_BYTES + len, c->in_len);
	if (a->script->ok_with_answer)
		c->answered = true;
	else
		push_answer(c, a->last_request);
	return begin_flush(c);
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct fake_connection *c = LOOP_OWNER(io, struct fake_connection, io);
	ssize_t n;

	if ((events & EPOLLIN) == 0) {
		if (events & (EPOLLHUP | EPOLLERR))
			end(c);
		else
			flush(c);
		return;
	}
	n = recv(c->io.fd, c->in + c->in_len, FAKE_REQUEST_MAX - c->in_len, 0);
	if (n <= 0) {
		end(c);
		return;
	}
	c->in_len += (size_t)n;
	if (!c->greeted && !take_connect(c))
		return;
	if (c->greeted && !c->agent->script->ignore_requests)
		take_request(c);
}

static void accept_one(struct loop_io *io, uint32_t events)
{
	struct fake_agent *a = LOOP_OWNER(io, struct fake_agent, io);
	int fd = accept4(a->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct fake_connection *c;

	(void)events;
	if (fd < 0)
		return;
	if (a->connections++ < a->script->refuse) {
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	must(c != NULL, "memory");
	c->agent = a;
	c->in = malloc(FAKE_REQUEST_MAX);
	must(c->in != NULL, "memory");
	c->timer.expire = pause_is_over;
	c->greeted = a->script->no_handshake;
	a->open++;
	must(loop_add(a->loop, &c->io, fd, EPOLLIN, ready) == 0, "loop");
}

void fake_agent_start(
	struct fake_agent *a, struct loop *loop, const char *path, const struct fake_script *script)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a->loop = loop;
	a->script = script;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, path);
	must(listen(fd, 64) == 0, "listen");
	must(loop_add(loop, &a->io, fd, EPOLLIN, accept_one) == 0, "loop");
}

void fake_agent_stop(struct fake_agent *a)
{
	int fd = a->io.fd;

	loop_remove(a->loop, &a->io);
	close(fd);
}

/* ---- a process of its own -------------------------------------------------------------------- */

static const char *(*process_respond)(struct fake_agent *a, const char *request);

void fake_process_respond(const char *(*respond)(struct fake_agent *a, const char *request))
{
	process_respond = respond;
}

__attribute__((noreturn)) static void serve(
	const char *const *paths, const struct fake_script *scripts, size_t count, int report)
{
	struct fake_agent *agents = calloc(count, sizeof(*agents));
	struct rlimit limit;
	struct loop loop;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test does not stop it */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	must(agents != NULL && loop_init(&loop) == 0, "start");
	for (size_t i = 0; i < count; i++) {
		agents[i].respond = process_respond;
		fake_agent_start(&agents[i], &loop, paths[i], &scripts[i]);
	}
	must(write(report, "x", 1) == 1, "report");
	for (;;)
		loop_run_once(&loop);
}

pid_t fake_process_start(const char *const *paths, const struct fake_script *scripts, size_t count)
{
	int report[2];
	char c;
	pid_t pid;

	must(pipe(report) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		serve(paths, scripts, count, report[1]);
	close(report[1]);
	must(read(report[0], &c, 1) == 1, "the fake agents do not start");
	close(report[0]);
	return pid;
}

void fake_process_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
