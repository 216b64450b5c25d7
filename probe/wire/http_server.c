/* SPDX-License-Identifier: MIT */
#include "probe/wire/http_server.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"
#include "probe/memory.h"
#include "probe/show/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct status {
	unsigned int code;
	const char *words;
} statuses[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 431, "Request Header Fields Too Large" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *words_of(unsigned int code)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == code)
			return statuses[i].words;
	return "Error";
}

/* ---- bodies ---------------------------------------------------------------------------------- */

struct http_body *http_body_new(char *bytes, size_t len)
{
	struct http_body *b = memory_must(calloc(1, sizeof(*b)));

	*b = (struct http_body){ .bytes = bytes, .len = len };
	return b;
}

void http_body_drop(struct http_body *b)
{
	if (b == NULL)
		return;
	if (b->uses > 0)
		b->uses--;
	if (b->uses > 0)
		return;
	free(b->bytes);
	free(b);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void accept_some(struct loop_io *io, uint32_t events);

static void close_request(struct http_request *r)
{
	struct http_server *s = r->server;
	int fd = r->io.fd;

	if (!r->is_open)
		return;
	r->is_open = false;
	if (r->waits_for_answer)
		s->gone(r);
	loop_timer_clear(s->loop, &r->timer);
	loop_remove(s->loop, &r->io);
	close(fd);
	http_body_drop(r->body);
	r->body = NULL;
	if (s->open-- == HTTP_CONNECTIONS)
		loop_change(s->loop, &s->listener, EPOLLIN);
}

/* Send the rest of the answer. Close once it is sent or sending fails. */
static void send_some(struct http_request *r)
{
	size_t body_len = r->is_head || r->body == NULL ? 0 : r->body->len;

	while (r->sent < r->head_len + body_len) {
		bool in_head = r->sent < r->head_len;
		const char *from =
			in_head ? r->head + r->sent : r->body->bytes + r->sent - r->head_len;
		size_t len = in_head ? r->head_len - r->sent : body_len - (r->sent - r->head_len);
		ssize_t n = send(r->io.fd, from, len, MSG_NOSIGNAL | (in_head ? MSG_MORE : 0));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (loop_change(r->server->loop, &r->io, EPOLLOUT) != 0)
				break;
			return;
		}
		if (n <= 0)
			break;
		r->sent += (size_t)n;
	}
	/* Read what the client sent after its request; otherwise close(2) would reset the answer.
	 */
	shutdown(r->io.fd, SHUT_WR);
	while (recv(r->io.fd, r->in, HTTP_REQUEST_MAX, MSG_DONTWAIT) > 0)
		;
	close_request(r);
}

void http_answer(
	struct http_request *r, unsigned int status, const char *type, struct http_body *body)
{
	if (!r->is_open || r->is_answered)
		return;
	if (body == NULL) {
		char *text = memory_copy(words_of(status), strlen(words_of(status)));

		type = "text/plain; charset=utf-8";
		body = http_body_new(text, strlen(text));
	}
	r->is_answered = true;
	r->waits_for_answer = false;
	r->body = body;
	body->uses++;
	r->head_len = buf_format(r->head, sizeof(r->head),
		"HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"%sConnection: close\r\n\r\n",
		status, words_of(status), type, body->len,
		status == 405 ? "Allow: GET, HEAD\r\n" : "");
	loop_timer_set(r->server->loop, &r->timer, clock_ms() + HTTP_WRITE_MS);
	send_some(r);
}

/* ---- requests -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/* Decode %HH in `len` bytes into `out`. False for a bad escape, a NUL, or too little room. */
static bool decode(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (n + 1 >= size)
			return false;
		out[n++] = text[i];
		if (text[i] != '%')
			continue;
		high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		low = high >= 0 ? hex_digit(text[i + 2]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return false;
		out[n - 1] = (char)(16 * high + low);
		i += 2;
	}
	out[n] = '\0';
	return true;
}

bool http_parameter(const struct http_request *r, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *at = r->query; *at != '\0';) {
		size_t len = strcspn(at, "&");

		if (len > name_len && at[name_len] == '=' && memcmp(at, name, name_len) == 0)
			return decode(at + name_len + 1, len - name_len - 1, out, size);
		at += len + (at[len] == '&');
	}
	return false;
}

const char *http_field(const struct http_request *r, const char *name)
{
	size_t name_len = strlen(name);

	/* A line ends with NUL, which replaced CR, and LF. */
	for (const char *at = r->fields; at < r->fields + r->fields_len; at += strlen(at) + 2) {
		if (strncasecmp(at, name, name_len) != 0 || at[name_len] != ':')
			continue;
		return at + name_len + 1 + strspn(at + name_len + 1, " \t");
	}
	return NULL;
}

/* "METHOD SP TARGET SP VERSION". Returns 0 or the status that refuses it. */
static unsigned int parse_line(struct http_request *r, char *line)
{
	char *target = strchr(line, ' '), *version = NULL, *query;

	if (target != NULL)
		version = strchr(++target, ' ');
	if (version == NULL)
		return 400;
	*version++ = '\0';
	target[-1] = '\0';
	if (strncmp(version, "HTTP/1.", 7) != 0 || strlen(version) != 8)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	r->is_head = strcmp(line, "HEAD") == 0;
	if (!r->is_head && strcmp(line, "GET") != 0)
		return 405;
	if (version[7] != '0' && http_field(r, "Host") == NULL)
		return 400;
	query = strchr(target, '?');
	r->query = query != NULL ? query + 1 : target + strlen(target);
	if (query != NULL)
		*query = '\0';
	r->path = target;
	return target[0] == '/' && decode(target, strlen(target), target, strlen(target) + 1) ? 0
											      : 400;
}

/* Split the field lines, and check those that change how the request is read. */
static unsigned int parse_fields(struct http_request *r, char *at, char *end)
{
	const char *length;
	uint64_t n = 0;

	r->fields = at;
	r->fields_len = (size_t)(end - at);
	while (at < end) {
		char *stop = text_find(at, (size_t)(end - at), "\r\n");
		size_t name = strcspn(at, ":\r\n \t");

		if (stop == NULL || name == 0 || at[name] != ':')
			return 400;
		stop[0] = '\0';
		at = stop + 2;
	}
	if (http_field(r, "Transfer-Encoding") != NULL)
		return 413;
	length = http_field(r, "Content-Length");
	if (length != NULL && number_parse(length, UINT32_MAX, &n) != 0)
		return 400;
	return n > 0 ? 413 : 0;
}

/* Handle a complete request: `head` bytes up to the empty line. */
static void take_request(struct http_request *r, size_t head)
{
	char *line_end;
	unsigned int refusal;

	if (memchr(r->in, '\0', head) != NULL) {
		http_answer(r, 400, NULL, NULL);
		return;
	}
	r->in[head] = '\0';
	line_end = text_find(r->in, head, "\r\n");
	*line_end = '\0';
	refusal = parse_fields(r, line_end + 2, r->in + head);
	if (refusal == 0)
		refusal = parse_line(r, r->in);
	if (refusal != 0) {
		http_answer(r, refusal, NULL, NULL);
		return;
	}
	r->waits_for_answer = true;
	loop_timer_clear(r->server->loop, &r->timer); /* the handler limits its own time */
	loop_change(r->server->loop, &r->io, EPOLLRDHUP);
	r->server->handle(r);
}

static void read_some(struct http_request *r)
{
	for (;;) {
		ssize_t n = recv(r->io.fd, r->in + r->in_len, HTTP_REQUEST_MAX - r->in_len, 0);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_request(r);
			return;
		}
		r->in_len += (size_t)n;
		end = text_find(r->in, r->in_len, "\r\n\r\n");
		if (end != NULL) {
			take_request(r, (size_t)(end - r->in) + 2);
			return;
		}
		if (r->in_len == HTTP_REQUEST_MAX) {
			http_answer(r, 431, NULL, NULL);
			return;
		}
	}
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct http_request *r = LOOP_OWNER(io, struct http_request, io);

	if (r->is_answered)
		send_some(r);
	else if (r->waits_for_answer || (events & (EPOLLERR | EPOLLHUP)) != 0)
		close_request(r); /* the client is gone */
	else
		read_some(r);
}

static void expire(struct loop_timer *timer)
{
	struct http_request *r = LOOP_OWNER(timer, struct http_request, timer);

	if (r->is_answered)
		close_request(r);
	else
		http_answer(r, 408, NULL, NULL);
}

/* ---- the server ------------------------------------------------------------------------------ */

static void accept_some(struct loop_io *io, uint32_t events)
{
	struct http_server *s = LOOP_OWNER(io, struct http_server, listener);
	struct http_request *r = s->requests;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	while (r->is_open)
		r++;
	r->is_open = true;
	r->server = s;
	r->in_len = r->fields_len = r->sent = 0;
	r->is_answered = r->waits_for_answer = r->is_head = false;
	r->body = NULL;
	r->timer.expire = expire;
	if (loop_add(s->loop, &r->io, fd, EPOLLIN, ready) != 0) {
		r->is_open = false;
		close(fd);
		return;
	}
	loop_timer_set(s->loop, &r->timer, clock_ms() + HTTP_READ_MS);
	if (++s->open == HTTP_CONNECTIONS)
		loop_change(s->loop, &s->listener, 0); /* new clients wait in the kernel's queue */
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_address(const char *text, union address *a, socklen_t *size, struct problem *p)
{
	const char *colon = strrchr(text, ':');
	char host[64] = "";
	uint64_t port = 0;
	bool good = colon != NULL && (size_t)(colon - text) < sizeof(host) &&
		    number_parse(colon + 1, 65535, &port) == 0;

	memset(a, 0, sizeof(*a));
	*size = sizeof(a->v4);
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons((uint16_t)port);
	if (good)
		memcpy(host, text, (size_t)(colon - text));
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (good && host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		*size = sizeof(a->v6);
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons((uint16_t)port);
		good = inet_pton(AF_INET6, host + 1, &a->v6.sin6_addr) == 1;
	} else if (good && host[0] != '\0') {
		good = inet_pton(AF_INET, host, &a->v4.sin_addr) == 1;
	}
	if (good)
		return 0;
	return problem_set_text(p, EINVAL,
		"--listen: '%s' is not an address and port, such as 127.0.0.1:9477 or [::1]:9477",
		text);
}

int http_server_start(
	struct http_server *s, struct loop *loop, const char *address, struct problem *p)
{
	const int yes = 1;
	union address a;
	socklen_t size;
	int err = parse_address(address, &a, &size, p), fd;

	if (err != 0)
		return err;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, &a.any, size) != 0 || listen(fd, SOMAXCONN) != 0)
		err = -errno;
	s->loop = loop;
	s->listener.fd = -1;
	s->requests = memory_must(calloc(HTTP_CONNECTIONS, sizeof(*s->requests)));
	if (err == 0)
		err = loop_add(loop, &s->listener, fd, EPOLLIN, accept_some);
	if (err == 0)
		return 0;
	if (fd >= 0)
		close(fd);
	return problem_set_text(p, -err, "cannot listen at %s: %s; choose another with --listen",
		address, problem_errno_text(-err));
}

unsigned int http_server_port(const struct http_server *s)
{
	union address a;
	socklen_t size = sizeof(a);

	if (getsockname(s->listener.fd, &a.any, &size) != 0)
		return 0;
	return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

void http_server_stop(struct http_server *s)
{
	int fd = s->listener.fd;

	if (s->requests == NULL)
		return; /* it was never started */
	for (size_t i = 0; i < HTTP_CONNECTIONS; i++)
		close_request(&s->requests[i]);
	free(s->requests);
	s->requests = NULL;
	if (fd < 0)
		return;
	loop_remove(s->loop, &s->listener);
	close(fd);
}
