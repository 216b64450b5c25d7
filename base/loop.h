/* SPDX-License-Identifier: MIT */
/*
 * The event loop of PID 1, the agent and the probe: descriptors through one epoll(7), and timers as
 * absolute CLOCK_MONOTONIC milliseconds. No ticks: the loop sleeps until something is due or
 * ready. Sources and timers live in their owners' structs; the loop allocates nothing.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH   64
#define LOOP_JUMP_MS 5000

struct loop_io {
	int fd; /* -1 when not in the loop */
	void (*ready)(struct loop_io *io, uint32_t events);
};

struct loop_timer {
	uint64_t at_ms;
	void (*expire)(struct loop_timer *timer);
	/* Pairing heap: first child, next sibling, and the previous sibling or, for a first child,
	 * the parent. */
	struct loop_timer *child, *next, *previous;
	uint32_t pass; /* of the loop, when it was armed */
	bool set;
};

struct loop {
	int epoll_fd;
	struct loop_timer *timers; /* the earliest one */
	uint32_t pass;             /* counts loop_run_once() */
	uint64_t seen_ms;          /* when the loop last looked at the clock; 0: never */
	struct epoll_event batch[LOOP_BATCH];
	int batch_len, batch_at;
};

/* The struct that a member belongs to. */
#define LOOP_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Prepare an empty loop. Returns 0 or -errno of epoll_create1(2). */
int loop_init(struct loop *l);

/* Close the loop's own descriptor. */
void loop_close(struct loop *l);

/*
 * Call `ready` whenever `fd` has one of `events` (EPOLLIN ...; errors and hang-ups always count).
 * Level-triggered unless `events` has EPOLLET. Returns 0 or -errno of epoll_ctl(2).
 */
int loop_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	void (*ready)(struct loop_io *io, uint32_t events));

/*
 * Block the signals of `set` and call `ready` when one of them is pending: signalfd(2),
 * non-blocking, which `ready` reads until it is empty. Returns 0 or -errno.
 */
int loop_add_signals(struct loop *l, struct loop_io *io, const sigset_t *set,
	void (*ready)(struct loop_io *io, uint32_t events));

/* Change the events to wait for. Returns 0 or -errno. */
int loop_change(struct loop *l, struct loop_io *io, uint32_t events);

/* Take a source out; its descriptor stays open. Safe in callbacks, and for a source that is not in
 * the loop. */
void loop_remove(struct loop *l, struct loop_io *io);

/*
 * Arm `timer` for `at_ms` (clock_ms() time), or move it there. The timer is disarmed before
 * `expire` runs. When an `expire` arms a timer for now or the past, that timer expires in the next
 * pass, so that timers cannot keep the loop from its descriptors.
 */
void loop_timer_set(struct loop *l, struct loop_timer *timer, uint64_t at_ms);

/* Disarm a timer. Safe in callbacks, and for a timer that is not armed. */
void loop_timer_clear(struct loop *l, struct loop_timer *timer);

/*
 * Add `ms` to the due time of every armed timer, which keeps their order. Called when the clock has
 * jumped by `ms`, so that the jump makes nothing due.
 */
void loop_timers_shift(struct loop *l, uint64_t ms);

/*
 * The time at which the loop last looked at the clock, as clock_ms() counts, without a look: for
 * the timers of what is handled now.
 */
uint64_t loop_ms(struct loop *l);

/*
 * Wait for the next event or timer (without limit when no timer is armed) and run what is due. When
 * a wait ends more than LOOP_JUMP_MS late, or the clock moves that much while events are handled,
 * the machine stood still and its clock did not (a restored snapshot). All timers are then put off
 * by the difference, so that they do not expire in a burst. Returns 0 (also after EINTR) or -errno
 * of epoll_wait(2).
 */
int loop_run_once(struct loop *l);

#endif
