/* SPDX-License-Identifier: MIT */
/*
 * One cgroup (v2) a service, /sys/fs/cgroup/services/NAME: everything that the service ever forks
 * is in it, can be ended as a whole, and is counted and limited together. The agent and the log
 * collector are in /sys/fs/cgroup/guest, which the limits of all services do not touch. Source: the
 * kernel's Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_UNSET     UINT64_MAX       /* a limit that is not touched */
#define CGROUP_MAX       (UINT64_MAX - 1) /* "max": no limit */
#define CGROUP_PERIOD_US 100000           /* the kernel's default period of cpu.max */

struct cgroup_limits {
	uint64_t memory_max, memory_high, memory_swap_max; /* bytes */
	uint64_t cpu_max;                                  /* thousandths of a CPU */
	uint64_t cpu_weight;                               /* 1 to 10000; 100 without it */
	uint64_t tasks_max;
};

/* What a cgroup has used; CGROUP_UNSET where the kernel does not say. */
struct cgroup_usage {
	uint64_t memory_bytes, cpu_us, tasks;
};

/* Set every limit to CGROUP_UNSET. */
void cgroup_limits_init(struct cgroup_limits *l);

/* Is any limit set? */
bool cgroup_limits_any(const struct cgroup_limits *l);

#define CGROUP_SERVICES "services" /* the group of all services, */
#define CGROUP_GUEST    "guest"    /* and that of the guest's own programs */

/*
 * Make the group CGROUP_SERVICES or CGROUP_GUEST. Returns a descriptor of its directory, or -errno
 * with `p`; without it services have process groups only.
 */
int cgroups_open(const char *name, struct problem *p);

/* Controllers, each a bit. */
enum { CGROUP_MEMORY = 1 << 0, CGROUP_CPU = 1 << 1, CGROUP_PIDS = 1 << 2 };
#define CGROUP_CONTROLLERS (CGROUP_MEMORY | CGROUP_CPU | CGROUP_PIDS)

/*
 * Turn on controllers for the groups below `fd`, or for the two at the top with `fd` -1. Each group
 * costs the kernel several times as much with them, and one that is there already more than a new
 * one. A controller that the kernel does not have is told to `report`.
 */
void cgroups_enable(int fd, unsigned int controllers, const struct reporter *report);

/*
 * Make the group `name` below `parent_fd`, or find it, and set its limits. Returns a descriptor of
 * its directory, or -errno with `p`.
 */
int cgroup_open(
	int parent_fd, const char *name, const struct cgroup_limits *limits, struct problem *p);

/* Remove an empty group. Returns 0 or -errno; -EBUSY when there are processes in it or groups below
 * it. */
int cgroup_remove(int parent_fd, const char *name);

/* Is a process in the group (cgroup.events, populated)? False also when the group cannot be asked.
 */
bool cgroup_is_populated(int fd);

/* Open cgroup.events, which polls as EPOLLPRI when "populated" changes. Returns a descriptor or
 * -errno. */
int cgroup_open_events(int fd);

/* Send KILL to every process of the group, also to those that it forks meanwhile (cgroup.kill). 0
 * or -errno. */
int cgroup_kill(int fd);

/* Send `signal` to every process that is in the group now. Returns 0 or -errno. */
int cgroup_signal(int fd, int signal);

/*
 * The name of the service whose group a process, which may be a zombie, is in or below
 * (/proc/PID/cgroup, cgroups(7)). Returns 0, -ESRCH when it is in none of them, or -errno, as for a
 * process that has gone.
 */
int cgroup_service_of(pid_t pid, char *name, size_t size);

/* Stop or continue every process of the group (cgroup.freeze). Returns 0 or -errno. */
int cgroup_freeze(int fd, bool frozen);

/* How many processes the kernel has ended because the group was at memory.max (memory.events,
 * oom_kill). */
uint64_t cgroup_oom_kills(int fd);

/* Set one limit of the group; CGROUP_MAX: "max", CGROUP_UNSET: nothing. 0, or -errno with `p`. */
int cgroup_set_limit(int fd, const char *file, uint64_t value, struct problem *p);

/*
 * How many bytes the group and those below it hold that the kernel cannot take back without ending
 * processes: all but page cache and caches of directories. 0 when the kernel does not say.
 */
uint64_t cgroup_unreclaimable(int fd);

/* Open a file of the group that polls as EPOLLPRI when it changes. A descriptor or -errno. */
int cgroup_open_file(int fd, const char *file);

/* What the group uses. */
void cgroup_usage(int fd, struct cgroup_usage *out);

#endif
