/* SPDX-License-Identifier: MIT */
/*
 * The starter's second thread. It starts programs in children that share the starter's memory until
 * their execve(2) (base/clone_sharing.h): copying the starter costs half of a health check. It has
 * dropped the whole bounding set, so that its children need not drop each capability; the starter
 * itself keeps the set for a user whom a policy names (SECURITY.md), and starts root's programs in
 * a copy.
 *
 * There is one such thread. It stands still until the program runs, which may wait for a disk or a
 * network mount. So the child itself answers the agent, before it becomes the program; and when
 * that takes longer than START_PATIENCE_MS, the starter starts others in copies.
 *
 * Nobody must trace a child that has already changed its user and still shares the starter's
 * memory: the starter becomes undumpable (PR_SET_DUMPABLE).
 */
#ifndef AGENT_STARTER_START_THREAD_H
#define AGENT_STARTER_START_THREAD_H

#include "agent/starter/start.h"
#include "agent/starter/starter_call.h"

#include <stdatomic.h>

#define START_PATIENCE_MS 5 /* the longest wait for the thread */

#define START_SMALL_TEXT  4096
#define START_SMALL_WORDS 128

/* A program to start. The thread that starts it empties it: start_order_clear(). */
struct start_order {
	struct start_request request; /* its pointers lead to the other members */
	uint32_t call_id;
	struct account user;
	char *text, **words; /* small ones are in the arrays */
	int fds[STARTER_FDS_MAX];
	size_t fd_count;
	char *small_words[START_SMALL_WORDS];
	char small_text[START_SMALL_TEXT];
};

struct start_thread {
	int fd; /* the starter's end of the socket */
	const struct start_defaults *defaults;
	struct spawn_child child; /* what every child has already */
	bool has_begun, is_stuck;
	atomic_bool is_useless; /* no thread, or no such child, can be made */
	atomic_int state;       /* enum start_thread_state, a futex(2) */
	atomic_bool is_awaited; /* the starter waits for it to become idle */
	struct start_order *order;
};

/* Prepare; the thread is made for the first order. */
void start_thread_init(struct start_thread *t, int fd, const struct start_defaults *d);

/*
 * Give it an order, which it also answers; the order is the thread's until it takes another.
 * Returns false if it is not idle or cannot be used; then the order is still the caller's.
 */
bool start_thread_take(struct start_thread *t, struct start_order *order);

/* Room for text and words, of at least these sizes. Returns 0 or -ENOMEM. */
int start_order_room(struct start_order *order, size_t text_len, size_t word_count);

/* Free what is not small, and close the descriptors. */
void start_order_clear(struct start_order *order);

/* Start a program in a copy of the caller, and answer the agent. Empties the order. Returns 0, or
 * -errno if the agent cannot be answered. */
int start_order_copy(int fd, const struct start_defaults *d, struct start_order *order);

#endif
