/* SPDX-License-Identifier: MIT */
/*
 * A minimal, strict HTTP/1.1 server (RFC 9110, RFC 9112) on a loop: GET and HEAD, one request a
 * connection, no body. Every connection has a deadline, a place among HTTP_CONNECTIONS, and
 * HTTP_REQUEST_MAX bytes for its request.
 */
#ifndef PROBE_WIRE_HTTP_SERVER_H
#define PROBE_WIRE_HTTP_SERVER_H

#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_CONNECTIONS 64
#define HTTP_REQUEST_MAX 8192  /* bytes of the request line and all fields */
#define HTTP_READ_MS     10000 /* for the request to come */
#define HTTP_WRITE_MS    30000 /* for the answer to leave, from its start */

/* Text that several answers share. */
struct http_body {
	char *bytes;
	size_t len;
	unsigned int uses;
};

struct http_server;

struct http_request {
	struct http_server *server;
	char *path;  /* decoded, without the query */
	char *query; /* as it came, or "" */
	bool is_head;
	bool is_open; /* the place is taken */

	/* The server's own. */
	struct loop_io io;
	struct loop_timer timer;
	char in[HTTP_REQUEST_MAX + 1];
	size_t in_len;
	const char *fields; /* within `in`: field lines, each ends with '\0' */
	size_t fields_len;
	char head[512];
	size_t head_len;
	struct http_body *body; /* or NULL */
	size_t sent;            /* of head and body */
	bool is_answered, waits_for_answer;
};

struct http_server {
	/* Called for each good request; it answers now or later with http_answer(). */
	void (*handle)(struct http_request *r);
	/* Called when a request that has no answer yet ends: its client has gone. */
	void (*gone)(struct http_request *r);
	void *owner;
	/* Its own. */
	struct loop *loop;
	struct loop_io listener;
	struct http_request *requests; /* HTTP_CONNECTIONS of them */
	size_t open;
};

/*
 * Listen at "ADDRESS:PORT": an IPv4 address, an IPv6 address in brackets, "localhost", or nothing
 * for all addresses. Returns 0 or -errno with `p`.
 */
int http_server_start(
	struct http_server *s, struct loop *loop, const char *address, struct problem *p);

void http_server_stop(struct http_server *s);

/* The port that the server listens on: another than asked for where that is 0. */
unsigned int http_server_port(const struct http_server *s);

/* The value of a field, by its name in any case; NULL: there is none. */
const char *http_field(const struct http_request *r, const char *name);

/* Append the decoded value of a parameter of the query to `out`. False: there is none, or a bad
 * one.
 */
bool http_parameter(const struct http_request *r, const char *name, char *out, size_t size);

/* A body with the bytes, which it takes over (from malloc()), and no use so far. */
struct http_body *http_body_new(char *bytes, size_t len);

/* Drop a use, and free it with the last one. NULL: nothing. */
void http_body_drop(struct http_body *b);

/* Answer. The request takes a use of the body; NULL: the status' words are the body. */
void http_answer(
	struct http_request *r, unsigned int status, const char *type, struct http_body *body);

#endif
