/* SPDX-License-Identifier: MIT */
/* A process that a host started: its output and input, its waiting clients, its end. */
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

#define PROCESSES_MAX        32      /* most running processes */
#define PROCESSES_KEPT_MAX   64      /* the same, including ended ones */
#define PROCESS_KEPT_MS      60000   /* how long an ended process is kept */
#define PROCESS_WAITERS_MAX  16      /* most waiting clients of a process */
#define PROCESS_INPUT_MAX    1048576 /* most bytes of input waiting for a process */
#define PROCESS_TOKEN_PREFIX "ptok-"

struct process {
	struct process *next;
	struct agent *agent;
	char token[PROCESS_TOKEN_MAX];
	char *argv0;
	time_t started_at;
	struct job job;
	struct pending starting; /* the ProcStart request, until the program runs */
	bool is_starting, has_ended;
	bool is_overdue; /* the timeout of a wait has passed */
	enum proc_state state;
	int code;
	struct output_queue output;
	char *input; /* input that the process has not read yet */
	size_t input_len;
	bool closes_input; /* once all input is written */
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

/* Append a ProcResult. The second replies with an error. */
void process_write_result(struct buf *b, const void *arg);
struct proc_result process_error(enum proc_error kind, const char *message);
void process_reply_error(struct connection *c, enum proc_error kind, const char *message);

/* Create a process with a new token; it is not started yet. NULL if memory is out. */
struct process *process_new(struct agent *a, const char *argv0);

/* Free a process. No client may wait for it, unless the agent stops. */
void process_forget(struct process *v);

/* Send output and the end to the waiting clients, as fast as the slowest one reads. */
void process_pump(struct process *v);

/* Write as much of the waiting input as the process takes now. */
void process_feed(struct process *v);

/* Remove and free a wait. The caller ends its stream before. */
void process_remove_wait(struct wait *w);

#endif
