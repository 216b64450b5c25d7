/* SPDX-License-Identifier: MIT */
/*
 * Starts programs without copying the caller.
 *
 * A launcher is a thread of the caller that only starts children, with clone3(2) and CLONE_VM,
 * CLONE_VFORK, CLONE_INTO_CGROUP and CLONE_CLEAR_SIGHAND: a child uses the caller's memory until
 * its execve(2), and no page table is copied. The launcher has its own table of descriptors, with
 * only those that the next child needs. It may have dropped the capability bounding set already, so
 * that its children need not.
 *
 * Why a thread, and not one of these:
 *  - vfork(2) by the caller itself: the caller would stand still while the kernel reads a program
 *    from a disk, a FUSE or a network mount. Here only the launcher stands still; if it takes
 * longer than LAUNCHER_PATIENCE_MS, further launchers take the waiting starts.
 *  - CLONE_VM by the caller without CLONE_VFORK: each child would need a stack and an errno of its
 *    own; the kernel would set oom_score_adj for all that share the memory (but not within a
 *    CLONE_VFORK); each child would drop the bounding set bit by bit; and only another pipe for
 * each child would show its execve(2).
 *  - a process that shares memory, with CLONE_PARENT: the same as a thread, but without the C
 *    library's thread-local storage (errno), and it could be killed alone.
 *
 * A start is asynchronous: launcher_start() copies the request. From the loop, the owner learns the
 * process id, and then that the program runs or why it does not. If clone3(2), its flags,
 * close_range(2) or pidfd_getfd(2) are missing (before Linux 5.9, or hidden by a seccomp filter),
 * or no thread can be made, spawn() starts the child in a copy of the caller, with the same steps.
 *
 * Before the first start the caller becomes undumpable (PR_SET_DUMPABLE): nobody must trace a child
 * that has already changed its user and still shares the caller's memory, and before Linux 5.16 a
 * core dump of it would also end the caller. So the caller must be root or have CAP_SETUID:
 * otherwise its children could not open /proc/self (oom_score_adj). Signals must be ignored before
 * the first start or not at all. The agent's starter, which has no loop, has a thread of its own
 * (agent/starter/start_thread.h).
 */
#ifndef BASE_LAUNCHER_H
#define BASE_LAUNCHER_H

#include "base/launcher_pool.h"

#define LAUNCHER_PATIENCE_MS 5 /* after so long without progress, add launchers */

/*
 * Prepare; nothing is made before the first start. `null_fd` is the caller's /dev/null, which may
 * be standard input of a request and stays open. `news` is called from the loop when there is
 * something to collect; it calls launcher_collect(), after it has taken the ends of processes: a
 * program that runs and has ended again is not to be seen as one that runs.
 */
void launcher_init(
	struct launcher *l, struct loop *loop, int null_fd, void (*news)(struct launcher *l));

/*
 * Start a program. The request is copied, but for `seccomp` and `prepare_arg`, which stay as they
 * are until the launch is over; so do the descriptors until `pid` is known. Sets `changed` of
 * `launch` to NULL or the argument. Returns 0, or -errno when there is no memory for it.
 */
int launcher_start(struct launcher *l, const struct spawn_request *r, struct launch *launch,
	void (*changed)(struct launch *launch));

/*
 * Make sure that the process exists: sets `pid`, or `error`. Waits at most for the processor, never
 * for a disk. Does not call `changed`.
 */
void launcher_settle(struct launcher *l, struct launch *launch);

/* Tell owners the process ids that have become known. To be called before a wait(2) whose pid an
 * owner is to know. */
void launcher_collect_pids(struct launcher *l);

/* Tell owners all that has happened since. */
void launcher_collect(struct launcher *l);

/* How many starts are on their way: the program does not run yet. */
size_t launcher_pending(const struct launcher *l);

/*
 * The process has ended, or its owner is about to be freed: take the result of the start, if it is
 * known, and forget the start.
 */
void launcher_release(struct launcher *l, struct launch *launch);

#endif
