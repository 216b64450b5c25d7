/* SPDX-License-Identifier: MIT */
/* Exec: one command for the host, if the security policy allows it. */
#ifndef AGENT_REQUESTS_EXEC_H
#define AGENT_REQUESTS_EXEC_H

#include "agent/state.h"
#include "protocol/messages.h"

#define EXEC_AT_ONCE 16 /* commands that run side by side */

/*
 * Run the command as the default user of checks, with the request's standard input, until it ends,
 * its time is over or the client goes away; then its whole process group is killed. What it leaves
 * behind when it ends by itself lives on.
 */
void exec_requested(struct agent *a, struct connection *c, struct request *r);

/* Milliseconds that a command gets when the host waits for `secs` seconds: a little less. */
uint64_t exec_timeout_ms(uint64_t secs);

/* What ExecResult says. Lengths in bytes; `cut`: there was more. */
struct exec_result {
	int exit_code;
	const char *out, *err; /* UTF-8 */
	size_t out_len, err_len;
	bool out_cut, err_cut;
};

/*
 * Append ExecResult. `arg` is a const struct exec_result *. Where it would not fit a frame, both
 * streams are cut, between characters, so that the shorter one is cut last; what is cut ends with a
 * line that says so.
 */
void exec_write_result(struct buf *b, const void *arg);

#endif
