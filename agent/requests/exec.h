/* SPDX-License-Identifier: MIT */
/* Exec: run one command for the host, if the security policy allows it. */
#ifndef AGENT_REQUESTS_EXEC_H
#define AGENT_REQUESTS_EXEC_H

#include "agent/state.h"
#include "protocol/messages.h"

#define EXEC_AT_ONCE 16 /* most commands at a time */

/*
 * Run the command as the default user of checks, with the request's standard input. If it times out
 * or the client goes away, its whole process group is killed. If it ends by itself, processes that
 * it leaves behind live on.
 */
void exec_requested(struct agent *a, struct connection *c, struct request *r);

/* Timeout of a command in ms if the host waits `secs` seconds: a little less than that. */
uint64_t exec_timeout_ms(uint64_t secs);

/* The content of ExecResult. Lengths are in bytes. `cut`: the command wrote more. */
struct exec_result {
	int exit_code;
	const char *out, *err; /* UTF-8 */
	size_t out_len, err_len;
	bool out_cut, err_cut;
};

/*
 * Append ExecResult. `arg` is a const struct exec_result *. If it does not fit a frame, the longer
 * stream is cut first, between characters. A cut stream ends with a line that says so.
 */
void exec_write_result(struct buf *b, const void *arg);

#endif
