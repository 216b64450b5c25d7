/* SPDX-License-Identifier: MIT */
#include "probe/verbs/ending.h"

#include "base/clock.h"
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/wire/inquiry.h"

#include <stdio.h>
#include <time.h>

#define TRY_MS         1000 /* short, because a guest that shuts down may not answer */
#define PAUSE_FIRST_MS 20
#define PAUSE_LAST_MS  200

/* True if nothing accepts connections, or there is no socket or no such CID. */
static bool has_ended(const struct inquiry *i)
{
	return i->failure.kind == FAILURE_NO_SOCKET || i->failure.kind == FAILURE_REFUSED;
}

/* Ask all targets, and count those still running. `say`: print a message for each. */
static size_t count_running(const struct options *o, uint64_t try_ms, bool say)
{
	static const struct question ping = { .kind = REQUEST_PING };
	struct inquiry *all = inquiry_all(o->targets, o->target_count, &ping, 1, try_ms, 0);
	size_t running = 0;

	for (size_t n = 0; n < o->target_count; n++) {
		if (has_ended(&all[n]))
			continue;
		running++;
		if (say)
			out_printf(stderr, "mvm-probe: %s: shuts down, but has not ended in time\n",
				all[n].target->shown);
	}
	inquiry_free_all(all, o->target_count);
	return running;
}

int ending_wait(const struct options *o)
{
	uint64_t until = clock_ms() + o->timeout_ms, pause_ms = PAUSE_FIRST_MS;

	for (;;) {
		uint64_t now = clock_ms();
		uint64_t rest = now < until ? until - now : 1;
		struct timespec pause = { 0 };
		bool last = rest <= pause_ms;

		if (count_running(o, rest < TRY_MS ? rest : TRY_MS, last) == 0)
			return EXIT_HEALTHY;
		if (last)
			return EXIT_NO_ANSWER;
		pause.tv_nsec = (long)pause_ms * 1000000;
		nanosleep(&pause, NULL);
		pause_ms = 2 * pause_ms < PAUSE_LAST_MS ? 2 * pause_ms : PAUSE_LAST_MS;
	}
}
