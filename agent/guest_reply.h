/* SPDX-License-Identifier: MIT */
/* The JSON of what PID 1 has answered. */
#ifndef AGENT_GUEST_REPLY_H
#define AGENT_GUEST_REPLY_H

#include "base/buf.h"
#include "base/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;

/* What there is for a reply. */
struct guest_answer {
	const struct agent *agent;
	const struct control_message *items; /* what PID 1 has sent, in order */
	size_t count;
	bool connected;   /* PID 1 has answered at all */
	int error;        /* how it has ended: 0, or an errno value */
	const char *text; /* and in words; never NULL */
	const char *log;  /* Logs: `log_len` bytes, the last that fit a frame */
	size_t log_len;
	uint64_t position; /* Logs, Events: behind them */
	uint64_t lost;     /* Events: that are not kept any more */
	bool log_cut;      /* Logs: there was more in front of them */
};

#define GUEST_LOG_MAX 40960 /* bytes of a log in a reply: with six for each, it fits a frame */

/* Append the reply. `arg` is a const struct guest_answer *. */
void guest_write_hello(struct buf *b, const void *arg);
void guest_write_services(struct buf *b, const void *arg);
void guest_write_logs(struct buf *b, const void *arg);
void guest_write_timeline(struct buf *b, const void *arg);
void guest_write_metrics(struct buf *b, const void *arg);
void guest_write_restart(struct buf *b, const void *arg);
void guest_write_shutdown(struct buf *b, const void *arg);
void guest_write_events(struct buf *b, const void *arg);
void guest_write_reload(struct buf *b, const void *arg);

#endif
