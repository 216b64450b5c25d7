/* SPDX-License-Identifier: MIT */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int loop_init(struct loop *l)
{
	*l = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return l->epoll_fd < 0 ? -errno : 0;
}

void loop_close(struct loop *l)
{
	close(l->epoll_fd);
	l->epoll_fd = -1;
}

int loop_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	void (*ready)(struct loop_io *io, uint32_t events))
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		io->fd = -1;
		return -errno;
	}
	io->fd = fd;
	io->ready = ready;
	return 0;
}

int loop_add_signals(struct loop *l, struct loop_io *io, const sigset_t *set,
	void (*ready)(struct loop_io *io, uint32_t events))
{
	int fd, err;

	if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
		return -errno;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = loop_add(l, io, fd, EPOLLIN, ready);
	if (err != 0)
		close(fd);
	return err;
}

int loop_change(struct loop *l, struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, io->fd, &ev) != 0 ? -errno : 0;
}

void loop_remove(struct loop *l, struct loop_io *io)
{
	if (io->fd < 0)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	io->fd = -1;
	/* The rest of this batch may hold events for an owner that is about to be freed. */
	for (int i = l->batch_at; i < l->batch_len; i++)
		if (l->batch[i].data.ptr == io)
			l->batch[i].data.ptr = NULL;
}

/* Merge two trees of the heap: the later root becomes the first child of the earlier one. */
static struct loop_timer *merge(struct loop_timer *a, struct loop_timer *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->at_ms < a->at_ms) {
		struct loop_timer *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->previous = b;
	b->previous = a;
	a->child = b;
	a->next = a->previous = NULL;
	return a;
}

/* Merge a list of siblings into one tree: in pairs from the left, then the pairs from the right. */
static struct loop_timer *merge_siblings(struct loop_timer *first)
{
	struct loop_timer *pairs = NULL, *root = NULL;

	while (first != NULL) {
		struct loop_timer *a = first, *b = first->next;

		first = b == NULL ? NULL : b->next;
		a->next = a->previous = NULL;
		if (b != NULL)
			b->next = b->previous = NULL;
		a = merge(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		struct loop_timer *next = pairs->next;

		pairs->next = NULL;
		root = merge(root, pairs);
		pairs = next;
	}
	return root;
}

void loop_timer_clear(struct loop *l, struct loop_timer *timer)
{
	if (!timer->set)
		return;
	timer->set = false;
	if (timer == l->timers) {
		l->timers = merge_siblings(timer->child);
	} else {
		if (timer->previous->child == timer)
			timer->previous->child = timer->next;
		else
			timer->previous->next = timer->next;
		if (timer->next != NULL)
			timer->next->previous = timer->previous;
		l->timers = merge(l->timers, merge_siblings(timer->child));
	}
	timer->child = timer->next = timer->previous = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *timer, uint64_t at_ms)
{
	loop_timer_clear(l, timer);
	timer->at_ms = at_ms;
	timer->pass = l->pass;
	timer->child = timer->next = timer->previous = NULL;
	timer->set = true;
	l->timers = merge(l->timers, timer);
}

void loop_timers_shift(struct loop *l, uint64_t ms)
{
	/* Walk the tree without recursion: down to children, along siblings, back up through
	 * `previous`. */
	struct loop_timer *t = l->timers;

	while (t != NULL) {
		t->at_ms += ms;
		if (t->child != NULL) {
			t = t->child;
			continue;
		}
		while (t != NULL && t->next == NULL) {
			while (t->previous != NULL && t->previous->child != t)
				t = t->previous;
			t = t->previous;
		}
		if (t != NULL)
			t = t->next;
	}
}

static int wait_ms(const struct loop *l)
{
	uint64_t now = l->seen_ms;

	if (l->timers == NULL)
		return -1;
	if (l->timers->at_ms <= now)
		return 0;
	return l->timers->at_ms - now > INT_MAX ? INT_MAX : (int)(l->timers->at_ms - now);
}

/*
 * The loop looks at the clock after it has waited, and after it has handled events or timers: where
 * the kernel offers no clock without a system call (no stable TSC), a look costs as much as a send.
 * When the clock has jumped past the time that was expected, put all timers off by the jump. It may
 * jump while the loop waits, and also between two waits while events are handled.
 */
static void mend_jump(struct loop *l, uint64_t expected_ms)
{
	uint64_t now = clock_ms();

	if (now > expected_ms + LOOP_JUMP_MS)
		loop_timers_shift(l, now - expected_ms);
	l->seen_ms = now;
}

static void run_timers(struct loop *l)
{
	const uint64_t now = l->seen_ms;
	bool ran = false;

	l->pass++;
	while (l->timers != NULL && l->timers->at_ms <= now && l->timers->pass != l->pass) {
		struct loop_timer *t = l->timers;

		loop_timer_clear(l, t);
		t->expire(t);
		ran = true;
	}
	if (ran)
		mend_jump(l, l->seen_ms);
}

uint64_t loop_ms(struct loop *l)
{
	if (l->seen_ms == 0)
		l->seen_ms = clock_ms();
	return l->seen_ms;
}

int loop_run_once(struct loop *l)
{
	int wait, n;

	(void)loop_ms(l);
	wait = wait_ms(l);
	n = epoll_wait(l->epoll_fd, l->batch, LOOP_BATCH, wait);
	if (wait >= 0)
		mend_jump(l, l->seen_ms + (uint64_t)wait);
	else
		l->seen_ms = clock_ms(); /* without a timer no wait is too long */
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->batch_len = n;
	for (l->batch_at = 0; l->batch_at < l->batch_len;) {
		struct epoll_event *ev = &l->batch[l->batch_at++];
		struct loop_io *io = ev->data.ptr;

		if (io != NULL)
			io->ready(io, ev->events);
	}
	l->batch_len = l->batch_at = 0;
	if (n > 0)
		mend_jump(l, l->seen_ms);
	run_timers(l);
	return 0;
}
