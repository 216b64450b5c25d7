/* SPDX-License-Identifier: MIT */
/*
 * The other end of a hybrid socket: VMM and agent in one, well-behaved or not. It runs on a loop,
 * beside what is tested or in a process of its own, and does exactly what its script says.
 */
#ifndef TESTS_UNIT_FAKE_AGENT_H
#define TESTS_UNIT_FAKE_AGENT_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_REQUEST_MAX (300 * 1024)
#define FAKE_OK          "OK 1073741824\n"

struct fake_answer {
	const char *request; /* its JSON; NULL: any */
	const char *body;    /* of the answer's frame */
	size_t body_len;     /* 0: strlen() */
};

struct fake_script {
	const char *ok;       /* sent when the CONNECT line is complete; NULL: FAKE_OK */
	bool ok_with_answer;  /* the answer follows the OK line at once, before any request */
	bool no_handshake;    /* the client speaks as over vsock */
	bool ignore_connect;  /* says nothing to CONNECT */
	bool ignore_requests; /* stops reading after the handshake */
	const struct fake_answer *answers; /* the last one has no body */
	bool raw;                          /* bodies are sent as they are, without a header */
	size_t piece;                      /* bytes at a time; 0: all at once */
	uint64_t pause_ms;                 /* between pieces, and before the first */
	size_t stop_after;                 /* of all bytes, the handshake's too; 0: never */
	bool hang;                         /* then hang, or else close */
	bool stay;                         /* keep the connection open after the answer */
	unsigned int refuse;               /* that many connections are closed at once, first */
};

struct fake_agent {
	struct loop *loop;
	const struct fake_script *script;
	struct loop_io io;
	unsigned int connections; /* so far */
	unsigned int open;
	unsigned int requests;
	char last_connect[64]; /* the CONNECT line */
	char last_request[FAKE_REQUEST_MAX];
	size_t last_request_len;
	/* Called for each request; gives the answer instead of the script where it returns one. */
	const char *(*respond)(struct fake_agent *a, const char *request);
	void *owner;
};

/* Listen at `path`, in place of what is there. */
void fake_agent_start(struct fake_agent *a, struct loop *loop, const char *path,
	const struct fake_script *script);

/* Stop listening. Connections end by themselves. */
void fake_agent_stop(struct fake_agent *a);

/*
 * Serve in a child process until fake_process_stop(): one agent at each of `count` paths, with the
 * script of the same index. Returns when all of them listen.
 */
pid_t fake_process_start(const char *const *paths, const struct fake_script *scripts, size_t count);
void fake_process_stop(pid_t pid);

/* Let a process' agents answer so (before fake_process_start()); NULL: by script. */
void fake_process_respond(const char *(*respond)(struct fake_agent *a, const char *request));

#endif
