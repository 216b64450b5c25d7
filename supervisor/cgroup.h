/* SPDX-License-Identifier: MIT */
/*
 * One cgroup (v2) a service, /sys/fs/cgroup/services/NAME: all processes that the service forks are
 * in it, and are killed, counted and limited together. The agent and the log collector are in
 * /sys/fs/cgroup/guest, outside the limits on all services. Source: the kernel's
 * Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_UNSET     UINT64_MAX       /* no limit is set */
#define CGROUP_MAX       (UINT64_MAX - 1) /* "max": no limit */
#define CGROUP_PERIOD_US 100000           /* the kernel's default period of cpu.max */

struct cgroup_limits {
	uint64_t memory_max, memory_high, memory_swap_max; /* bytes */
	uint64_t cpu_max;                                  /* thousandths of a CPU */
	uint64_t cpu_weight;                               /* 1 to 10000; the default is 100 */
	uint64_t tasks_max;
};

/* Resources that a cgroup uses; CGROUP_UNSET when the kernel does not say. */
struct cgroup_usage {
	uint64_t memory_bytes, cpu_us, tasks;
};

/* Set every limit to CGROUP_UNSET. */
void cgroup_limits_init(struct cgroup_limits *l);

/* True if any limit is set. */
bool cgroup_limits_any(const struct cgroup_limits *l);

#define CGROUP_SERVICES "services" /* the group of all services */
#define CGROUP_GUEST    "guest"    /* the group of the agent and the log collector */

/*
 * Make the group CGROUP_SERVICES or CGROUP_GUEST. Returns a descriptor of its directory, or -errno
 * with `p`. Without it, services have only process groups.
 */
int cgroups_open(const char *name, struct problem *p);

/* Controllers, each a bit. */
enum { CGROUP_MEMORY = 1 << 0, CGROUP_CPU = 1 << 1, CGROUP_PIDS = 1 << 2 };
#define CGROUP_CONTROLLERS (CGROUP_MEMORY | CGROUP_CPU | CGROUP_PIDS)

/*
 * Turn on controllers for the groups below `fd`, or with `fd` -1 for the two groups at the top. A
 * group with controllers costs the kernel several times as much, and an existing group more than a
 * new one. `report` is told of a controller that the kernel does not have.
 */
void cgroups_enable(int fd, unsigned int controllers, const struct reporter *report);

/*
 * Make or open the group `name` below `parent_fd` and set its limits; those that are unset become
 * the kernel's own. Returns a descriptor of its directory, or -errno with `p`.
 */
int cgroup_open(
	int parent_fd, const char *name, const struct cgroup_limits *limits, struct problem *p);

/* Remove an empty group. Returns 0 or -errno; -EBUSY when it has processes or
 * groups below it. */
int cgroup_remove(int parent_fd, const char *name);

/* True if a process is in the group (cgroup.events, populated). False when that cannot be read. */
bool cgroup_is_populated(int fd);

/* Open cgroup.events, which polls as EPOLLPRI when "populated" changes. Returns a descriptor or
 * -errno. */
int cgroup_open_events(int fd);

/* Kill every process of the group, also those that it forks meanwhile (cgroup.kill). Returns 0 or
 * -errno. */
int cgroup_kill(int fd);

/* Send `signal` to every process that is in the group, or in one below it, now. Returns 0 or
 * -errno. */
int cgroup_signal(int fd, int signal);

/* Let the processes of the group and of those below it go on (cgroup.freeze). */
void cgroup_thaw_all(int fd);

/*
 * The main process of a daemon that has put itself into the background: the only one of the group
 * whose parent is PID 1 (/proc/PID/stat, proc(5)). Returns its pid, -ESRCH when there is none, or
 * -ENOTUNIQ when there are several.
 */
int cgroup_main_pid(int fd);

/* True if the parent of the process is PID 1, which is then told of its end. */
bool cgroup_is_child_of_init(pid_t pid);

/*
 * Find the service whose group has the process, or a group below (/proc/PID/cgroup, cgroups(7)).
 * The process may be a zombie. Returns 0, -ENODATA when the process lives in no service's group,
 * -ENOENT or -ESRCH when it does not exist or ends while the file is open, or another -errno.
 */
int cgroup_service_of(pid_t pid, char *name, size_t size);

/* Stop or continue every process of the group (cgroup.freeze). Returns 0 or -errno. */
int cgroup_freeze(int fd, bool frozen);

/* Count the processes that the kernel has killed because the group was at memory.max
 * (memory.events, oom_kill). */
uint64_t cgroup_oom_kills(int fd);

/* Set one limit; CGROUP_MAX writes "max", CGROUP_UNSET nothing. Returns 0, or -errno with `p`. */
int cgroup_set_limit(int fd, const char *file, uint64_t value, struct problem *p);

/* Bytes of the group and those below; CGROUP_UNSET when the kernel does not say. */
uint64_t cgroup_memory(int fd);

/*
 * Bytes of the group and those below that the kernel cannot reclaim without killing processes: all
 * but page cache and directory caches. The kernel counts the inodes of open sockets and pipes among
 * the latter, though it cannot reclaim those: `with_directories` counts all of them. 0 when the
 * kernel does not say.
 */
uint64_t cgroup_unreclaimable(int fd, bool with_directories);

/* Open a file of the group that polls as EPOLLPRI when it changes. Returns a descriptor or -errno.
 */
int cgroup_open_file(int fd, const char *file);

/* Read the resources that the group uses. */
void cgroup_usage(int fd, struct cgroup_usage *out);

#endif
