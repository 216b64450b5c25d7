/* SPDX-License-Identifier: MIT */
/*
 * What the agent and its starter say to each other over a stream socket: a call, its descriptors
 * with SCM_RIGHTS (unix(7)), and `text_len` bytes of text. Each call but STARTER_RELOAD, and those
 * that kill, gets one answer.
 */
#ifndef AGENT_STARTER_STARTER_CALL_H
#define AGENT_STARTER_STARTER_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STARTER_TEXT_MAX (4 * 1024 * 1024) /* bytes: more than execve(2) takes */
#define STARTER_FDS_MAX  5                 /* standard input, output, error, control, cgroup */

enum starter_verb {
	STARTER_PROGRAM,  /* text: user ("": its own), directory ("": none), argv, envp */
	STARTER_SIGNAL,   /* pid, signal */
	STARTER_SESSION,  /* kill the session of pid */
	STARTER_LISTED,   /* kill what the passed cgroup lists */
	STARTER_TERMINAL, /* text: user; cols, rows */
	STARTER_RELOAD,
	STARTER_VERBS,
};

struct starter_call {
	uint32_t verb;
	int32_t pid, signal;
	uint32_t text_len;
	uint32_t argc, envc;
	uint16_t cols, rows;
	uint8_t takes_terminal, dumps_no_core;
	uint8_t has_control, has_cgroup; /* of the descriptors behind the first three */
};

/* With the report pipe of a program, or both ends of a terminal. */
struct starter_answer {
	int32_t error; /* 0 or -errno */
	int32_t pid;
};

/*
 * Send `len` bytes, and `text_len` of text, with descriptors: at once, so that the other end wakes
 * up once. Returns 0 or -errno.
 */
int starter_send(int fd, const void *bytes, size_t len, const char *text, size_t text_len,
	const int *fds, size_t fd_count);

/*
 * Receive `len` bytes; waits for all. Descriptors that come along are put into `fds` (`fd_max` at
 * most, close-on-exec) and counted. Returns 0, -EPIPE at the end, or -errno.
 */
int starter_receive(int fd, void *bytes, size_t len, int *fds, size_t fd_max, size_t *fd_count);

/* Be the starter, and do not return. */
struct options;
struct start_defaults;
void starter_serve(int fd, const struct options *o, const char *policy,
	const struct start_defaults *d) __attribute__((noreturn));

#endif
