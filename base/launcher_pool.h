/* SPDX-License-Identifier: MIT */
/* The structs of a launcher, for launcher.c, which asks, and launcher_thread.c, which starts. */
#ifndef BASE_LAUNCHER_POOL_H
#define BASE_LAUNCHER_POOL_H

#include "base/loop.h"
#include "base/spawn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct launcher;
struct launcher_slot;

/* One start, in the struct of its owner. */
struct launch {
	pid_t pid;   /* 0: not known yet */
	bool over;   /* nothing more is to come: the program runs, or one of these: */
	int error;   /* errno value: no process was made */
	bool failed; /* the process could not become the program; `failure` says why */
	struct spawn_failure failure;
	/* Called from the loop when `pid` has become known, and when it is over; or NULL. */
	void (*changed)(struct launch *launch);
	struct launcher_slot *slot; /* NULL: not on its way */
};

/* Launchers with the same bounding set, and what waits for them. Everything under the lock. */
struct launcher_pool {
	struct launcher *owner;
	struct launcher_slot *first, **end; /* waiting, in order */
	size_t waiting, threads, idle;
	size_t taken, taken_before; /* starts so far; and when `patience` was armed */
	size_t listed;              /* those in the list of starts; the caller's alone */
	bool bounded;               /* they have dropped the whole bounding set */
	atomic_int posts;           /* a futex(2): grows when something has come to wait */
};

enum launcher_news { LAUNCHER_NEWS_PID, LAUNCHER_NEWS_END, LAUNCHER_NEWS };

struct launcher {
	struct loop *loop;
	int null_fd;
	void (*news)(struct launcher *l); /* something is to be collected */
	bool begun, refused;              /* the threads can be used; they cannot */
	struct spawn_child child;         /* what every child of a launcher has already */
	size_t unbounded;                 /* starts with an empty bounding set so far */
	atomic_int lock;                  /* launcher_lock() */
	atomic_int ready;   /* a futex(2): launchers so far that have begun, or cannot */
	atomic_int useless; /* those that cannot: without descriptors of their own they could not
			     * even tell the caller */
	struct launcher_pool pools[2];
	struct launcher_slot *slots, *newest;           /* not over, in the order of their starts */
	struct launcher_slot *next_look[LAUNCHER_NEWS]; /* where a search for news continues */
	size_t listed;                                  /* starts in the list */
	atomic_size_t done;           /* those of them that are over, and are to be collected */
	struct launcher_chunk *chunk; /* where the next request is copied to */
	struct loop_io told;          /* an eventfd: something has changed */
	atomic_bool is_told;
	struct loop_timer patience;
};

#endif
