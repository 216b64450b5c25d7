/* SPDX-License-Identifier: MIT */
/* One process that a host has started: its output and input, who waits for it, and its end. */
#ifndef AGENT_REQUESTS_PROCESS_H
#define AGENT_REQUESTS_PROCESS_H

#include "agent/requests/output_queue.h"
#include "agent/state.h"
#include "agent/wire/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PROCESS_TOKEN_MAX     38 /* bytes, terminator included */
#define PROCESS_TIMEOUT_MAX_S (365ULL * 86400)

#define PROCESSES_MAX        32      /* that run at once */
#define PROCESSES_KEPT_MAX   64      /* with those that have ended */
#define PROCESS_KEPT_MS      60000   /* a process that has ended is known for so long */
#define PROCESS_WAITERS_MAX  16      /* of one process */
#define PROCESS_INPUT_MAX    1048576 /* bytes of input that wait for a process */
#define PROCESS_TOKEN_PREFIX "ptok-"

struct process {
	struct process *next;
	struct agent *agent;
	char token[PROCESS_TOKEN_MAX];
	char *argv0;
	time_t started_at;
	struct job job;
	struct pending starting; /* ProcStart, until the program runs */
	bool is_starting, has_ended;
	bool is_overdue; /* the time of a wait is over */
	enum proc_state state;
	int code;
	struct output_queue output;
	char *input; /* what it has not taken yet */
	size_t input_len;
	bool closes_input; /* when all of it is taken */
	struct wait *waits;
	size_t wait_count;
	struct loop_timer forget;
};

/* A ProcWait. */
struct wait {
	struct stream stream;
	struct wait *next;
	struct process *process;
	struct loop_timer limit;
};

/* Append a ProcResult; and one that says what went wrong. */
void process_write_result(struct buf *b, const void *arg);
struct proc_result process_error(enum proc_error kind, const char *message);
void process_reply_error(struct connection *c, enum proc_error kind, const char *message);

/* A process that is about to start, known to the agent by a new token. NULL without memory. */
struct process *process_new(struct agent *a, const char *argv0);

/* Forget it. Nobody waits for it, or the agent stops. */
void process_forget(struct process *v);

/* Pass on what it has written, as fast as the slowest of those who wait takes it, and its end. */
void process_pump(struct process *v);

/* Write the input that it has not taken yet, as far as it takes it now. */
void process_feed(struct process *v);

/* Take somebody off who waits, and free that. The stream is the caller's to end before. */
void process_remove_wait(struct wait *w);

#endif
