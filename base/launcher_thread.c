/* SPDX-License-Identifier: MIT */
#include "base/launcher_thread.h"

#include "base/clone_sharing.h"
#include "base/launcher_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From Linux 5.3, 5.6 and 5.9; not every C library has them. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

/* A launcher's own descriptors; those of the next child have higher numbers. */
enum { NULL_FD, OUT_FD, ERR_FD, CALLER_FD, TOLD_FD, FIRST_FD };

#define NOWHERE INT_MAX /* not a descriptor */

#define EVERY_TOLD 8 /* tell the caller after so many starts while more wait */

/* ---- the child ------------------------------------------------------------------------------- */

static void set_state(struct launcher_slot *slot, int state)
{
	atomic_store(&slot->state, state);
	if (atomic_load(&slot->is_awaited))
		launcher_wake(&slot->state);
}

/* Data for a child, in the stack frame of its launcher, whose memory it uses. */
struct birth {
	struct launcher_slot *slot;
	struct spawn_request request; /* with the launcher's descriptors */
	struct spawn_child child;
};

static void child_main(void *arg)
{
	struct birth *b = arg;

	set_state(b->slot, LAUNCHER_CLONED);
	spawn_become(&b->request, &b->child);
	atomic_store(&b->slot->failed, true);
	spawn_end_child();
}

/* ---- a launcher ------------------------------------------------------------------------------ */

struct self {
	struct launcher_pool *pool;
	bool usable, bounding_dropped;
	bool has_news; /* starts that the caller was not told of yet */
	char *stack;   /* of the children: CLONE_SHARING_STACK bytes */
};

/* Copy the caller's descriptor `fd` to number `here`. */
static bool fetch_to(int fd, int here)
{
	int got = (int)syscall(SYS_pidfd_getfd, CALLER_FD, fd, 0);

	if (got < 0 || got == here)
		return got == here;
	if (dup3(got, here, O_CLOEXEC) < 0)
		return false;
	close(got);
	return true;
}

/* Make a table of descriptors for this thread alone: NULL_FD to TOLD_FD. Returns false on failure.
 */
static bool make_table(const struct launcher *l)
{
	int caller;

	if (syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE) != 0)
		return false;
	caller = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (caller < 0 || dup3(caller, CALLER_FD, O_CLOEXEC) < 0)
		return false;
	close(caller);
	/* Take the numbers of standard output and error, so that no other descriptor gets them. */
	fetch_to(STDERR_FILENO, ERR_FD);
	return fetch_to(l->null_fd, NULL_FD) && fetch_to(l->told.fd, TOLD_FD) &&
	       dup3(NULL_FD, OUT_FD, O_CLOEXEC) == OUT_FD;
}

/* Copy the caller's descriptor `fd` to this table. Returns its number here or -errno. */
static int fetch(const struct launcher *l, int fd, int *highest)
{
	int here;

	if (fd == l->null_fd)
		return NULL_FD;
	here = (int)syscall(SYS_pidfd_getfd, CALLER_FD, fd, 0);
	if (here > *highest)
		*highest = here;
	if (here >= 0)
		return here;
	return errno == EBADF ? NOWHERE : -errno; /* the child reports the error */
}

/* Copy all descriptors of the request; `highest` becomes the largest number. Returns 0 or -errno.
 */
static int fetch_all(
	const struct launcher *l, struct spawn_request *r, int fds[SPAWN_FDS_MAX], int *highest)
{
	const int *stdio = r->stdio;
	int theirs[3] = { stdio[0], stdio[1], stdio[2] };

	for (int i = 0; i < 3; i++) {
		r->stdio[i] = i > 0 && theirs[i] == theirs[i - 1] ? r->stdio[i - 1]
								  : fetch(l, theirs[i], highest);
		if (r->stdio[i] < 0)
			return r->stdio[i];
	}
	for (size_t i = 0; i < r->fd_count && i < SPAWN_FDS_MAX; i++) {
		fds[i] = fetch(l, r->fds[i], highest);
		if (fds[i] < 0)
			return fds[i];
	}
	r->fds = fds;
	if (r->cgroup_fd >= 0)
		r->cgroup_fd = fetch(l, r->cgroup_fd, highest);
	return r->cgroup_fd < -1 ? r->cgroup_fd : 0;
}

static long make_child(const struct self *self, struct birth *b)
{
	struct clone_args args = {
		.flags = CLONE_PARENT_SETTID,
		.exit_signal = SIGCHLD,
		.parent_tid = (uint64_t)(uintptr_t)&b->slot->pid,
	};

	b->child.in_cgroup = b->request.cgroup_fd >= 0 && !b->request.join_cgroup;
	return clone_sharing(
		&args, self->stack, b->child.in_cgroup ? b->request.cgroup_fd : -1, child_main, b);
}

static void start(struct self *self, struct launcher_slot *slot)
{
	struct launcher *l = self->pool->owner;
	struct birth b = { .slot = slot, .request = slot->request, .child = l->child };
	int fds[SPAWN_FDS_MAX], highest = FIRST_FD;
	long pid = -ENOSYS;

	b.child.all_close_on_exec = true; /* as pidfd_getfd(2) makes them */
	b.child.bounding_dropped = self->bounding_dropped;
	b.child.failure = &slot->failure;
	if (self->usable) {
		pid = fetch_all(l, &b.request, fds, &highest);
		if (pid == 0)
			pid = make_child(self, &b);
		syscall(SYS_close_range, FIRST_FD, highest, 0);
	}
	slot->failure.error = pid < 0 ? (int)-pid : slot->failure.error;
	atomic_fetch_add(&l->done, 1);
	set_state(slot, pid < 0 ? LAUNCHER_REFUSED : LAUNCHER_DONE);
}

static void tell(struct launcher *l, bool has_table)
{
	const uint64_t one = 1;

	if (!atomic_exchange(&l->is_told, true))
		(void)!write(has_table ? TOLD_FD : l->told.fd, &one, sizeof(one));
}

/* Take the next start. Returns NULL after a wait; the caller then tries again. */
static struct launcher_slot *take_next(struct launcher_pool *pool)
{
	struct launcher_slot *slot;
	int posts;

	launcher_lock(pool->owner);
	posts = atomic_load(&pool->posts);
	slot = pool->first;
	if (slot != NULL) {
		pool->first = slot->next_waiting;
		if (pool->first == NULL)
			pool->end = &pool->first;
		pool->waiting--;
		pool->idle--;
		pool->taken++;
		atomic_store(&slot->state, LAUNCHER_TAKEN);
	}
	launcher_unlock(pool->owner);
	if (slot == NULL)
		launcher_wait(&pool->posts, posts, -1);
	return slot;
}

/* After a start. Returns false when enough other launchers are idle. */
static bool go_on(struct self *self)
{
	struct launcher_pool *pool = self->pool;
	bool enough, is_time;

	launcher_lock(pool->owner);
	enough = pool->idle > 0 && pool->waiting == 0;
	is_time = pool->waiting == 0 || pool->taken % EVERY_TOLD == 0;
	if (enough)
		pool->threads--;
	else
		pool->idle++;
	launcher_unlock(pool->owner);
	if (self->has_news && is_time) {
		self->has_news = false;
		tell(pool->owner, self->usable);
	}
	return !enough;
}

static void *launcher_main(void *arg)
{
	_Alignas(64) char stack[CLONE_SHARING_STACK];
	struct self self = { .pool = arg, .stack = stack };
	struct launcher_slot *slot;

	prctl(PR_SET_NAME, "launcher", 0, 0, 0);
	self.usable = make_table(self.pool->owner);
	if (!self.usable) {
		launcher_lock(self.pool->owner);
		self.pool->threads--;
		self.pool->idle--;
		launcher_unlock(self.pool->owner);
		atomic_fetch_add(&self.pool->owner->useless, 1);
	}
	atomic_fetch_add(&self.pool->owner->ready, 1);
	launcher_wake(&self.pool->owner->ready);
	if (!self.usable)
		return NULL;
	self.bounding_dropped = self.pool->bounded && spawn_drop_bounding(0) == 0;
	do {
		do
			slot = take_next(self.pool);
		while (slot == NULL);
		/* Read this now: after start() the slot belongs to the caller again. */
		self.has_news |= slot->is_watched;
		start(&self, slot);
	} while (go_on(&self));
	return NULL;
}

int launcher_thread_add(struct launcher_pool *pool)
{
	struct launcher *l = pool->owner;
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	int before_it = atomic_load(&l->ready), useless = atomic_load(&l->useless), err;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, CLONE_SHARING_THREAD_STACK);
	launcher_lock(l);
	pool->threads++;
	pool->idle++;
	launcher_unlock(l);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attributes, launcher_main, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (err == 0) {
		/*
		 * Wait until the thread has its own table: while a table is shared, a process that
		 * outgrows it waits for a grace period of RCU (expand_fdtable()), 10 ms.
		 */
		while (atomic_load(&l->ready) == before_it)
			launcher_wait(&l->ready, before_it, -1);
		return atomic_load(&l->useless) == useless ? 0 : -ENOSYS;
	}
	launcher_lock(l);
	pool->threads--;
	pool->idle--;
	launcher_unlock(l);
	return -err;
}
