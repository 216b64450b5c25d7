/* SPDX-License-Identifier: MIT */
/*
 * The time of day by the host's clock: QueryHostTime, where an orchestrator answers on the host's
 * vsock port 53. Nothing waits for it, and a host that says nothing is asked no second time.
 */
#ifndef AGENT_LINK_HOST_TIME_H
#define AGENT_LINK_HOST_TIME_H

#include "base/loop.h"
#include "protocol/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define HOST_TIME_MS         1000 /* for the whole of it */
#define HOST_TIME_ANSWER_MAX 512  /* bytes of an answer, at most */

struct host_time {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer timer;
	uint64_t asked_us;
	char answer[PROTOCOL_HEADER_BYTES + HOST_TIME_ANSWER_MAX];
	size_t len;
	/* The result: what the host's clock shows now, when it has said so. */
	struct timespec time;
	void (*done)(struct host_time *t, bool is_known);
};

/* Prepare a question that is not asked. `done` is called once for each question, by the loop. */
void host_time_init(
	struct host_time *t, struct loop *loop, void (*done)(struct host_time *t, bool is_known));

/* Ask the host. Returns 0, or -errno of socket(2) or connect(2): there will be no `done`. */
int host_time_ask(struct host_time *t);

/* Ask over a socket that is connected, or about to be, and is closed afterwards. */
int host_time_ask_over(struct host_time *t, int fd);

/* Stop waiting for an answer; `done` is not called. */
void host_time_close(struct host_time *t);

#endif
