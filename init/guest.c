/* SPDX-License-Identifier: MIT */
#include "init/guest.h"

#include "base/clock.h"

void guest_mark_stage(struct guest *g, const char *name)
{
	size_t i = g->boot.stage_count;
	uint64_t start_us = i == 0 ? 0 : g->boot.stages[i - 1].end_us;

	if (i < BOOT_STAGES_MAX)
		g->boot.stages[g->boot.stage_count++] =
			(struct boot_stage){ name, start_us, clock_us() };
}
