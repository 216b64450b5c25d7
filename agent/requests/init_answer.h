/* SPDX-License-Identifier: MIT */
/* Encodes the replies that are made from PID 1's answers. */
#ifndef AGENT_REQUESTS_INIT_ANSWER_H
#define AGENT_REQUESTS_INIT_ANSWER_H

#include "base/buf.h"
#include "base/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct log_time;

/* The data of a reply. */
struct init_answer {
	const struct agent *agent;
	const struct control_message *items; /* PID 1's messages, in order */
	size_t count;
	bool is_later;    /* the host uses the port of later hosts */
	bool connected;   /* PID 1 answered at all */
	int error;        /* outcome: 0, or an errno value */
	const char *text; /* outcome in words; never NULL */
	const char *log; /* Logs: the last `log_len` bytes that fit a frame; FsDiff: PID 1's list */
	size_t log_len;
	uint64_t position;            /* Logs, Events: where the next request continues */
	uint64_t lost;                /* Events: events that PID 1 no longer has; FsDiff: entries */
	const struct log_time *times; /* Logs: when the bytes from a position on came */
	size_t time_count;
	bool log_cut; /* Logs: older bytes were left out; FsDiff: later ones */
};

#define INIT_ANSWER_LOG_MAX                                                                        \
	40960 /* bytes of a log in a reply; fits a frame with six bytes for each */

/* Append the reply. `arg` is a const struct init_answer *. */
void init_answer_hello(struct buf *b, const void *arg);
void init_answer_services(struct buf *b, const void *arg);
void init_answer_logs(struct buf *b, const void *arg);
void init_answer_timeline(struct buf *b, const void *arg);
void init_answer_metrics(struct buf *b, const void *arg);
void init_answer_restart(struct buf *b, const void *arg);
void init_answer_reload_service(struct buf *b, const void *arg);
void init_answer_shutdown(struct buf *b, const void *arg);
void init_answer_events(struct buf *b, const void *arg);
void init_answer_reload(struct buf *b, const void *arg);

#endif
