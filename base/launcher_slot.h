/* SPDX-License-Identifier: MIT */
/* Pending starts, with copies of their requests. */
#ifndef BASE_LAUNCHER_SLOT_H
#define BASE_LAUNCHER_SLOT_H

#include "base/launcher_pool.h"

enum launcher_state {
	LAUNCHER_WAITING, /* for a launcher */
	LAUNCHER_TAKEN,   /* by a launcher */
	LAUNCHER_CLONED,  /* the child exists */
	LAUNCHER_DONE,    /* it runs its program, or has ended */
	LAUNCHER_REFUSED, /* no child could be made this way */
};

/* A pending start: first the caller writes it, then its launcher and the child. */
struct launcher_slot {
	struct launcher_slot *next, *previous; /* the caller's alone */
	struct launcher_slot *next_waiting;    /* under the lock */
	struct launcher *launcher;
	struct launcher_pool *pool;
	struct launch *owner; /* only for the caller; NULL: nobody waits for it */
	struct launcher_chunk *chunk;
	struct spawn_request request; /* its pointers may point into the chunk */
	struct loop_io report;        /* report pipe of a child that is a copy; or fd -1 */
	bool is_pid_told;             /* its owner was told the process id */
	bool is_watched;              /* its owner wants to be told */
	atomic_int state;             /* enum launcher_state; a futex(2) when `is_awaited` */
	atomic_bool is_awaited;
	_Atomic pid_t pid; /* written by the kernel, before the child runs */
	atomic_bool failed;
	struct spawn_failure failure;
};

/*
 * A start; with `is_kept` all that the request points to is copied, otherwise it is the caller's as
 * before. Returns NULL when there is no memory.
 */
struct launcher_slot *launcher_slot_new(
	struct launcher *l, const struct spawn_request *r, bool is_kept);
void launcher_slot_free(struct launcher *l, struct launcher_slot *slot);

/*
 * The lock of a launcher, by futex(7): 0 free, 1 taken, 2 taken and another waits. The C library's
 * mutexes and semaphores would add two kilobytes to PID 1. Held for a few instructions only.
 */
void launcher_lock(struct launcher *l);
void launcher_unlock(struct launcher *l);

/* Wait while `*word` is `value`, at most `ms` (-1: without limit); wake one that waits. */
void launcher_wait(atomic_int *word, int value, int ms);
void launcher_wake(atomic_int *word);

#endif
