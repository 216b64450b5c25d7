/* SPDX-License-Identifier: MIT */
/* The wall clock at the agent's start: PID 1 sets it where the host's shows another time. */
#ifndef AGENT_LINK_BOOT_CLOCK_H
#define AGENT_LINK_BOOT_CLOCK_H

#include "agent/link/channel.h"
#include "agent/link/host_time.h"

#define BOOT_CLOCK_NEAR_MS 100 /* a difference that is left alone */

struct boot_clock {
	struct host_time host;
	struct channel *channel;
	struct channel_call call;
};

void boot_clock_init(struct boot_clock *b, struct channel *channel);

/* Ask the host, and tell PID 1 what it says. A host that does not answer changes nothing. */
void boot_clock_begin(struct boot_clock *b);

/* Forget what is under way. */
void boot_clock_close(struct boot_clock *b);

/* Put a time into a prepared call of CONTROL_CLOCK. */
void boot_clock_set_time(struct channel_call *call, const struct timespec *time);

#endif
