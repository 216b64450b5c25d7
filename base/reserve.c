/* SPDX-License-Identifier: MIT */
#include "base/reserve.h"

#include <sys/sysinfo.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

#define KEPT_BASE      (6 * MIB)
#define KEPT_SHARE     32 /* the guest keeps 1/32 of the memory */
#define KEPT_SHARE_MAX (1024 * MIB)
#define KEPT_A_SERVICE (68 * KIB) /* its struct log_ring, whose pages count as the guest's */
#define MARGIN_SHARE   32
#define MARGIN_MIN     MIB
#define MARGIN_MAX     (64 * MIB)
#define TASKS_KEPT     64 /* the agent's checks and commands, and the kernel's own threads */
#define TASKS_PARTS    4

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void reserve_divide(uint64_t available, uint64_t kept, uint64_t services, uint64_t tasks,
	uint64_t running, struct reserve *out)
{
	uint64_t margin;

	if (kept == RESERVE_AUTOMATIC)
		kept = KEPT_BASE + smaller(available / KEPT_SHARE, KEPT_SHARE_MAX) +
		       services * KEPT_A_SERVICE;
	out->kept = smaller(kept, available / 2);
	out->memory_max = available - out->kept;
	margin = smaller(out->memory_max / MARGIN_SHARE, MARGIN_MAX);
	if (margin < MARGIN_MIN)
		margin = smaller(MARGIN_MIN, out->memory_max / 2);
	out->memory_high = out->memory_max - margin;
	running = smaller(running + TASKS_KEPT, tasks / 2);
	out->tasks_max = tasks - running;
	out->tasks_high = out->tasks_max - out->tasks_max / TASKS_PARTS;
}

uint64_t reserve_available(void)
{
	struct sysinfo s;

	if (sysinfo(&s) != 0)
		return 0;
	return ((uint64_t)s.freeram + s.bufferram) * s.mem_unit;
}
