/* SPDX-License-Identifier: MIT */
/* Starts on their way, with copies of their requests. */
#ifndef BASE_LAUNCHER_SLOT_H
#define BASE_LAUNCHER_SLOT_H

#include "base/launcher_pool.h"

enum launcher_state {
	LAUNCHER_WAITING, /* for a launcher */
	LAUNCHER_TAKEN,   /* by a launcher */
	LAUNCHER_CLONED,  /* the child is there */
	LAUNCHER_DONE,    /* it runs its program, or has ended */
	LAUNCHER_REFUSED, /* no child could be made this way */
};

/* A start on its way: written by the caller first, then by its launcher and by the child. */
struct launcher_slot {
	struct launcher_slot *next, *previous; /* the caller's alone */
	struct launcher_slot *next_waiting;    /* under the lock */
	struct launcher *launcher;
	struct launcher_pool *pool;
	struct launch *owner; /* the caller's alone; NULL: nobody asks */
	struct launcher_chunk *chunk;
	struct spawn_request request; /* all that it points to is in the chunk, too */
	struct loop_io report;        /* of a child that is a copy; fd -1: none */
	bool is_pid_told;             /* its owner has heard of the process, and not only asked */
	bool is_watched;              /* its owner wants to hear of it */
	atomic_int state;             /* enum launcher_state; a futex(2) when `is_awaited` */
	atomic_bool is_awaited;
	_Atomic pid_t pid; /* written by the kernel, before the child runs */
	atomic_bool failed;
	struct spawn_failure failure;
};

/* A request with all that it points to, copied. Returns NULL when there is no memory. */
struct launcher_slot *launcher_slot_new(struct launcher *l, const struct spawn_request *r);
void launcher_slot_free(struct launcher *l, struct launcher_slot *slot);

/*
 * The lock of a launcher, as futex(7) has it (0 free, 1 taken, 2 somebody waits): the C library's
 * mutexes and semaphores would be two kilobytes of PID 1. Held for a few instructions.
 */
void launcher_lock(struct launcher *l);
void launcher_unlock(struct launcher *l);

/* Wait while `*word` is `value`, for `ms` at most (-1: for ever); let others go on. */
void launcher_wait(atomic_int *word, int value, int ms);
void launcher_wake(atomic_int *word);

#endif
