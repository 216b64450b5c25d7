/* SPDX-License-Identifier: MIT */
/*
 * Messages between the agent and its starter over a stream socket: a call, its descriptors with
 * SCM_RIGHTS (unix(7)), and `text_len` bytes of text. Each call gets one answer, except
 * STARTER_RELOAD and the calls that kill.
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
	STARTER_LISTED,   /* kill the processes that the passed cgroup lists */
	STARTER_TERMINAL, /* text: user; cols, rows */
	STARTER_RELOAD,
	STARTER_VERBS,
};

struct starter_call {
	uint32_t verb;
	uint32_t id; /* its answer has the same */
	int32_t pid, signal;
	uint32_t text_len;
	uint32_t argc, envc;
	uint16_t cols, rows;
	uint8_t takes_terminal, dumps_no_core;
	uint8_t has_control, has_cgroup; /* of the descriptors behind the first three */
};

/*
 * Comes with the report pipe of a program, or with both ends of a terminal. A call may be answered
 * twice (start_thread.c).
 */
struct starter_answer {
	uint32_t id;
	int32_t error; /* 0 or -errno */
	int32_t pid;
};

/*
 * Send `len` bytes, then `text_len` bytes of text, with descriptors; in one call, so that the other
 * end wakes up once. Returns 0 or -errno.
 */
int starter_send(int fd, const void *bytes, size_t len, const char *text, size_t text_len,
	const int *fds, size_t fd_count);

/* Answer the call `id`; on success with descriptors, which are then closed. Returns 0 or -errno. */
int starter_answer(int fd, uint32_t id, int error, pid_t pid, const int *fds, size_t fd_count);

/*
 * Receive `len` bytes; waits for all of them. Descriptors that come with them go into `fds`
 * (`fd_max` at most, close-on-exec) and are counted. Returns 0, -EPIPE at the end, or -errno.
 */
int starter_receive(int fd, void *bytes, size_t len, int *fds, size_t fd_max, size_t *fd_count);

/* Run the starter. Does not return. */
struct options;
struct start_defaults;
void starter_serve(int fd, const struct options *o, const char *policy,
	const struct start_defaults *d) __attribute__((noreturn));

#endif
