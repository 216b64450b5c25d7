/* SPDX-License-Identifier: MIT */
/* The JSON of what PID 1 has answered. */
#ifndef AGENT_REQUESTS_INIT_ANSWER_H
#define AGENT_REQUESTS_INIT_ANSWER_H

#include "base/buf.h"
#include "base/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;

/* What there is for a reply. */
struct init_answer {
	const struct agent *agent;
	const struct control_message *items; /* what PID 1 has sent, in order */
	size_t count;
	bool is_later;    /* for a host on the port of later hosts */
	bool connected;   /* PID 1 has answered at all */
	int error;        /* how it has ended: 0, or an errno value */
	const char *text; /* and in words; never NULL */
	const char *log;  /* Logs: `log_len` bytes, the last that fit a frame */
	size_t log_len;
	uint64_t position; /* Logs, Events: behind them */
	uint64_t lost;     /* Events: that are not kept any more */
	bool log_cut;      /* Logs: there was more in front of them */
};

#define INIT_ANSWER_LOG_MAX                                                                        \
	40960 /* bytes of a log in a reply: with six for each, it fits a frame */

/* Append the reply. `arg` is a const struct init_answer *. */
void init_answer_hello(struct buf *b, const void *arg);
void init_answer_services(struct buf *b, const void *arg);
void init_answer_logs(struct buf *b, const void *arg);
void init_answer_timeline(struct buf *b, const void *arg);
void init_answer_metrics(struct buf *b, const void *arg);
void init_answer_restart(struct buf *b, const void *arg);
void init_answer_shutdown(struct buf *b, const void *arg);
void init_answer_events(struct buf *b, const void *arg);
void init_answer_reload(struct buf *b, const void *arg);

#endif
