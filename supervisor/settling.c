/* SPDX-License-Identifier: MIT */
#include "supervisor/settling.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#include <string.h>

#define FIRST_LOOK_MS 1  /* the pause doubles after each look */
#define LAST_LOOK_MS  64 /* the last pause: some 130 ms in all */

/* True if the process waits for something other than the processor or a disk (proc_pid_stat(5)). */
static bool has_slept(pid_t pid)
{
	char path[32], text[512];
	const char *end;

	buf_format(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, text, sizeof(text), NULL) != 0)
		return true;
	end = strrchr(text, ')'); /* the end of the name, which may contain any byte */
	return end == NULL || strchr("RDZX", end[strspn(end, ") ")]) == NULL;
}

static void on_look(struct loop_timer *timer)
{
	struct service *v = LOOP_OWNER(timer, struct service, settling.timer);

	v->owner->reap(v->owner); /* it may have ended already */
	if (v->pid == 0 || v->settling.pause_ms == 0)
		return;
	if (v->settling.pause_ms < LAST_LOOK_MS && !has_slept(v->pid)) {
		v->settling.pause_ms *= 2;
		loop_timer_set(v->owner->loop, timer, clock_ms() + v->settling.pause_ms);
		return;
	}
	v->settling.pause_ms = 0;
	v->owner->happened(v, MACHINE_EV_EXEC, NULL);
}

void settling_begin(struct service *v)
{
	bool is_awaited = v->index.dependent_count > 0;

	if (!is_awaited || v->config.rules.ready != MACHINE_READY_STARTED ||
		v->config.rules.type != MACHINE_SIMPLE) {
		v->owner->happened(v, MACHINE_EV_EXEC, NULL);
		return;
	}
	v->settling.pause_ms = FIRST_LOOK_MS;
	v->settling.timer.expire = on_look;
	loop_timer_set(v->owner->loop, &v->settling.timer, clock_ms() + FIRST_LOOK_MS);
}

void settling_end(struct service *v)
{
	v->settling.pause_ms = 0;
	loop_timer_clear(v->owner->loop, &v->settling.timer);
}
