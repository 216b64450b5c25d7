/* SPDX-License-Identifier: MIT */
#include "agent/link/boot_clock.h"

#include "base/log.h"
#include "base/problem.h"

#include <stddef.h>
#include <time.h>

void boot_clock_set_time(struct channel_call *call, const struct timespec *time)
{
	call->request.value = (uint64_t)time->tv_sec;
	call->request.position = (uint64_t)time->tv_nsec;
}

static void clock_done(struct channel_call *call, int error, const char *text)
{
	(void)call;
	if (error != 0)
		log_line("the clock stays as it is: %s",
			text[0] != '\0' ? text : problem_errno_text(error));
}

static void host_answered(struct host_time *t, bool is_known)
{
	struct boot_clock *b = LOOP_OWNER(t, struct boot_clock, host);
	struct timespec now;
	int64_t off_ms;

	if (!is_known || clock_gettime(CLOCK_REALTIME, &now) != 0)
		return;
	off_ms = ((int64_t)t->time.tv_sec - now.tv_sec) * 1000 +
		 (t->time.tv_nsec - now.tv_nsec) / 1000000;
	if (off_ms > -BOOT_CLOCK_NEAR_MS && off_ms < BOOT_CLOCK_NEAR_MS)
		return;
	log_line("the host's clock is %lld ms ahead: taken over", (long long)off_ms);
	channel_prepare(&b->call, CONTROL_CLOCK);
	boot_clock_set_time(&b->call, &t->time);
	b->call.done = clock_done;
	if (channel_begin(b->channel, &b->call) != 0)
		log_line("the clock stays as it is: there is no channel to init");
}

void boot_clock_init(struct boot_clock *b, struct channel *channel)
{
	*b = (struct boot_clock){ .channel = channel };
	host_time_init(&b->host, channel->loop, host_answered);
}

void boot_clock_begin(struct boot_clock *b)
{
	(void)host_time_ask(&b->host);
}

void boot_clock_close(struct boot_clock *b)
{
	host_time_close(&b->host);
	channel_drop(&b->call);
}
