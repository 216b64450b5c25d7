/* SPDX-License-Identifier: MIT */
/*
 * Starts programs without copying the caller.
 *
 * A launcher is a thread of the caller that does nothing but start children: clone3(2) with
 * CLONE_VM and CLONE_VFORK, so that a child uses the caller's memory until its execve(2) and no
 * page table is copied; CLONE_INTO_CGROUP; CLONE_CLEAR_SIGHAND. It has a table of descriptors of
 * its own, which holds what the next child needs and nothing else, and it can have given up the
 * capability bounding set, so that its children need not.
 *
 * Why a thread, and not one of these:
 *  - vfork(2) by the caller itself: it would stand still while the kernel reads a program from a
 *    disk, a FUSE or a network mount. Here the launcher stands still; when it has not come back
 *    after LAUNCHER_PATIENCE_MS, further launchers take what waits.
 *  - CLONE_VM by the caller without CLONE_VFORK: each child would need a stack and an errno of its
 *    own, the kernel would set oom_score_adj for all that share the memory (but not within a
 *    CLONE_VFORK), the bounding set would be dropped bit by bit in each, and nothing would tell the
 *    caller of the execve(2) but one more pipe for each.
 *  - a process that shares memory, with CLONE_PARENT: the same as a thread, but without the C
 *    library's thread-local storage (errno), and it could be killed alone.
 *
 * A start is asynchronous: launcher_start() keeps a copy of the request, and its owner learns the
 * process id, and then that the program runs or why it does not, from the loop. Where clone3(2),
 * its flags, close_range(2) or pidfd_getfd(2) are missing (before Linux 5.9, or hidden by a seccomp
 * filter), or no thread can be made, spawn() starts the child in a copy of the caller, with the
 * same steps.
 *
 * Before the first start the caller becomes undumpable (PR_SET_DUMPABLE): a child that has already
 * become another user must not be traced while it shares the caller's memory, and before Linux 5.16
 * a core dump of it would end the caller, too. So the caller has to be root: /proc/self of one that
 * is not would be closed to its children (oom_score_adj), which is why the agent uses spawn().
 * Signals that are ignored must be so before the first start.
 */
#ifndef BASE_LAUNCHER_H
#define BASE_LAUNCHER_H

#include "base/launcher_pool.h"

#define LAUNCHER_PATIENCE_MS 5 /* without progress while something waits: more launchers */

/*
 * Prepare; nothing is made before the first start. `null_fd` is the caller's /dev/null, which may
 * be standard input of a request and stays open.
 */
void launcher_init(struct launcher *l, struct loop *loop, int null_fd);

/*
 * Start a program. The request is copied, but for `seccomp` and `prepare_arg`, which stay as they
 * are until the launch is over; so do the descriptors until `pid` is known. Sets `changed` of
 * `launch` to NULL or the argument. Returns 0, or -errno when there is no memory for it.
 */
int launcher_start(struct launcher *l, const struct spawn_request *r, struct launch *launch,
	void (*changed)(struct launch *launch));

/*
 * See to it that the process is there: `pid` is set, or `error`. Waits for the processor at most,
 * not for a disk. `changed` is not called.
 */
void launcher_settle(struct launcher *l, struct launch *launch);

/* Tell owners what has happened since. To be called before a wait(2) whose pid an owner is to know.
 */
void launcher_collect(struct launcher *l);

/*
 * The process has ended, or its owner is to be freed: take what is known of its start, and hear no
 * more of it.
 */
void launcher_release(struct launcher *l, struct launch *launch);

#endif
