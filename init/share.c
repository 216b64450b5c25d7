/* SPDX-License-Identifier: MIT */
#include "init/share.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/reserve.h"
#include "init/sysctl.h"
#include "mounts/tmpfs_limit.h"
#include "supervisor/pressure.h"

#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#define TASKS_UNKNOWN 884 /* the kernel's default with 128 MiB */
#define TMPFS_PARTS   8   /* files never take the last 1/8 */
#define COUNT_SOON_MS 20
#define COUNT_LATE_MS 100

/*
 * From so many services on, a pids controller for each costs less than none. clone3(2) looks for
 * the child's set of groups in a hash table; without a controller of their own, the sets of all
 * services are in one chain.
 */
#define SERVICES_OF_ONE_CHAIN 400

/* The largest number of tasks that the kernel allows. */
static uint64_t tasks_max(void)
{
	char text[32];
	uint64_t tasks;

	if (file_read("/proc/sys/kernel/threads-max", text, sizeof(text), NULL) != 0)
		return TASKS_UNKNOWN;
	text[strcspn(text, "\n")] = '\0';
	return number_parse(text, UINT32_MAX, &tasks) == 0 ? tasks : TASKS_UNKNOWN;
}

/*
 * Remove the kernel's limits on processes and signals of a user: a service could use up those of
 * another service with the same user. Cgroup limits replace them.
 */
static void lift_limits_of_users(void)
{
	static const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	prlimit(0, RLIMIT_NPROC, &none, NULL);
	prlimit(0, RLIMIT_SIGPENDING, &none, NULL);
}

static void limit_services(struct guest *g)
{
	struct supervisor *s = &g->supervisor;
	struct reserve reserve;
	struct sysinfo now;

	if (!sysctl_kernel_is_ours() || g->settings.memory_reserve == 0 || sysinfo(&now) != 0)
		return;
	reserve_divide(reserve_available(), g->settings.memory_reserve, supervisor_count(s, true),
		tasks_max(), now.procs, &reserve);
	pressure_open(s, &reserve, &log_problems);
	tmpfs_limit(reserve.memory_max / TMPFS_PARTS * (TMPFS_PARTS - 1),
		(uint64_t)now.totalram * now.mem_unit, &log_problems);
	lift_limits_of_users();
}

static void count_tasks(struct supervisor *s)
{
	cgroups_enable(-1, CGROUP_PIDS, &log_problems);
	cgroups_enable(s->cgroups.fd, CGROUP_PIDS, &log_problems);
}

static void on_count(struct loop_timer *timer)
{
	struct guest *g = LOOP_OWNER(timer, struct guest, boot.count);

	if (g->boot.second_part.set) /* services are still starting, and this would delay them */
		loop_timer_set(&g->loop, timer, clock_ms() + COUNT_SOON_MS);
	else
		pressure_count_services(&g->supervisor);
}

void share_out(struct guest *g)
{
	struct supervisor *s = &g->supervisor;
	struct problem p;

	s->cgroups.fd = cgroups_open(CGROUP_SERVICES, &p);
	if (s->cgroups.fd < 0) {
		log_problem(&p);
		return;
	}
	limit_services(g);
	if (supervisor_count(s, true) > SERVICES_OF_ONE_CHAIN)
		count_tasks(s);
	if (g->settings.accounting)
		pressure_count_services(s);
	if (s->pressure.reserve.memory_max == 0 || s->cgroups.has_controllers)
		return;
	g->boot.count.expire = on_count;
	loop_timer_set(&g->loop, &g->boot.count, clock_ms() + COUNT_LATE_MS);
}

void share_out_rest(struct guest *g)
{
	struct supervisor *s = &g->supervisor;
	struct problem p;

	if (s->pressure.reserve.memory_max == 0)
		return;
	s->cgroups.guest_fd = cgroups_open(CGROUP_GUEST, &p);
	if (s->cgroups.guest_fd < 0)
		log_problem(&p);
	pressure_open_rest(s, &log_problems);
}

void share_count_soon(struct guest *g)
{
	if (g->boot.count.set)
		loop_timer_set(&g->loop, &g->boot.count, clock_ms() + COUNT_SOON_MS);
}
