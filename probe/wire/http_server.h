/* SPDX-License-Identifier: MIT */
/*
 * A minimal, strict HTTP/1.1 server (RFC 9110, RFC 9112) on a loop: GET and HEAD without a body,
 * one request for each connection. Every connection has a deadline. There are at most
 * HTTP_CONNECTIONS at a time, each with at most HTTP_REQUEST_MAX bytes of request.
 */
#ifndef PROBE_WIRE_HTTP_SERVER_H
#define PROBE_WIRE_HTTP_SERVER_H

#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_CONNECTIONS 64
#define HTTP_REQUEST_MAX 8192  /* most bytes of the request line and all fields */
#define HTTP_READ_MS     10000 /* time for the request to arrive */
#define HTTP_WRITE_MS    30000 /* time to send the answer */

/* A body that several answers share. */
struct http_body {
	char *bytes;
	size_t len;
	unsigned int uses;
};

struct http_server;

struct http_request {
	struct http_server *server;
	char *path;  /* decoded, without the query */
	char *query; /* as received; or "" */
	bool is_head;
	bool is_open; /* in use */

	/* Private. */
	struct loop_io io;
	struct loop_timer timer;
	char in[HTTP_REQUEST_MAX + 1];
	size_t in_len;
	const char *fields; /* in `in`: field lines, each ends with '\0' */
	size_t fields_len;
	char head[512];
	size_t head_len;
	struct http_body *body; /* or NULL */
	size_t sent;            /* bytes of head and body sent */
	bool is_answered, waits_for_answer;
};

struct http_server {
	/* Called for each valid request. Answer with http_answer(), now or later. */
	void (*handle)(struct http_request *r);
	/* Called if the client goes away before the answer. */
	void (*gone)(struct http_request *r);
	void *owner;
	/* Private. */
	struct loop *loop;
	struct loop_io listener;
	struct http_request *requests; /* HTTP_CONNECTIONS of them */
	size_t open;
};

/*
 * Listen at "ADDRESS:PORT". ADDRESS is an IPv4 address, an IPv6 address in brackets, "localhost",
 * or empty for all addresses. Returns 0 or -errno with `p`.
 */
int http_server_start(
	struct http_server *s, struct loop *loop, const char *address, struct problem *p);

void http_server_stop(struct http_server *s);

/* The port that the server listens on; the kernel chooses it if 0 was asked for. */
unsigned int http_server_port(const struct http_server *s);

/* The value of a field; the case of `name` does not matter. NULL: no such field. */
const char *http_field(const struct http_request *r, const char *name);

/* Append the decoded value of a parameter of the query to `out`. False if it is absent or bad. */
bool http_parameter(const struct http_request *r, const char *name, char *out, size_t size);

/* Make a body of `bytes` (from malloc()), which it takes over. Its use count is 0. */
struct http_body *http_body_new(char *bytes, size_t len);

/* Drop a use of the body; the last one frees it. Does nothing for NULL. */
void http_body_drop(struct http_body *b);

/* Answer. The request adds a use of the body. NULL: the text of the status is the body. */
void http_answer(
	struct http_request *r, unsigned int status, const char *type, struct http_body *body);

#endif
