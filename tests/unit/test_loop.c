/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Virtual time: this clock_ms() replaces base/clock.c, and epoll_wait(2) advances it instead of
 * sleeping. The loop's timeouts are recorded.
 */
static uint64_t now;
static int looks, waits, last_wait_ms, fail_wait;
static struct loop loop;

uint64_t clock_ms(void)
{
	looks++;
	return now;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	int n;

	if (fd != loop.epoll_fd) /* Criterion has threads of its own */
		return (int)syscall(SYS_epoll_pwait, fd, events, max, timeout_ms, NULL, 8);
	waits++;
	last_wait_ms = timeout_ms;
	if (fail_wait != 0) {
		errno = fail_wait;
		return -1;
	}
	n = (int)syscall(SYS_epoll_pwait, fd, events, max, 0, NULL, 8);
	if (n == 0 && timeout_ms > 0)
		now += (uint64_t)timeout_ms;
	return n;
}

static void set_up(void)
{
	now = 1000000;
	cr_assert_eq(loop_init(&loop), 0);
}

static void clean_up(void)
{
	loop_close(&loop);
}

TestSuite(loop, .init = set_up, .fini = clean_up, .timeout = 20);

/* ---- timers ---------------------------------------------------------------------------------- */

struct alarm {
	struct loop_timer timer;
	uint64_t at_ms; /* the reference: when it must ring */
	bool set;
	int rings;
};

enum { ALARMS = 3000 };
static struct alarm alarms[ALARMS];
static unsigned int seed = 1;
static int ringing;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void ring(struct loop_timer *t);

static void set_alarm(struct alarm *a, uint64_t at_ms)
{
	a->timer.expire = ring;
	a->at_ms = at_ms;
	a->set = true;
	loop_timer_set(&loop, &a->timer, at_ms);
}

static void clear_alarm(struct alarm *a)
{
	a->set = false;
	loop_timer_clear(&loop, &a->timer);
}

/* This must be the earliest of all alarms that are set. */
static void ring(struct loop_timer *t)
{
	struct alarm *a = LOOP_OWNER(t, struct alarm, timer);

	cr_assert(a->set, "alarm %td rings and is not set", a - alarms);
	cr_assert_leq(a->at_ms, now, "alarm %td rings too early", a - alarms);
	for (int i = 0; i < ALARMS; i++)
		cr_assert_not(alarms[i].set && alarms[i].at_ms < a->at_ms,
			"alarm %td rings before alarm %d", a - alarms, i);
	a->set = false;
	a->rings++;
	ringing++;
	if (any(3) == 0) /* callbacks may do anything to any timer */
		clear_alarm(&alarms[any(ALARMS)]);
	if (any(4) == 0)
		set_alarm(&alarms[any(ALARMS)], now + 1 + any(500));
}

static void change_at_random(int changes)
{
	for (int i = 0; i < changes; i++) {
		struct alarm *a = &alarms[any(ALARMS)];

		if (any(3) == 0)
			clear_alarm(a);
		else
			set_alarm(a, now + any(20000));
	}
}

static void shift_all(uint64_t ms)
{
	loop_timers_shift(&loop, ms);
	for (int i = 0; i < ALARMS; i++)
		alarms[i].at_ms += alarms[i].set ? ms : 0;
	for (int i = 0; i < ALARMS; i++)
		cr_assert(!alarms[i].set || alarms[i].timer.at_ms == alarms[i].at_ms,
			"alarm %d was not shifted exactly once", i);
}

Test(loop, timers_ring_in_order_like_the_reference)
{
	int idle = 0;

	for (int round = 0; round < 40; round++) {
		change_at_random(500);
		if (any(2) == 0)
			shift_all(any(1000));
		for (int i = 0; i < 50; i++)
			cr_assert_eq(loop_run_once(&loop), 0);
	}
	while (loop.timers != NULL && ++idle < 1000000)
		cr_assert_eq(loop_run_once(&loop), 0);
	for (int i = 0; i < ALARMS; i++) {
		cr_assert_not(alarms[i].set, "alarm %d never rang", i);
		cr_assert_not(alarms[i].timer.set);
	}
	cr_assert_gt(ringing, 3000, "only %d rang", ringing);
}

Test(loop, shift_of_every_shape_of_heap)
{
	shift_all(5); /* an empty one */
	for (int count = 1; count < 40; count++) {
		for (int i = 0; i < count; i++)
			set_alarm(&alarms[i], now + 1000 + any(100));
		clear_alarm(&alarms[any((unsigned int)count)]);
		shift_all(7);
		for (int i = 0; i < count; i++)
			clear_alarm(&alarms[i]);
		cr_assert_null(loop.timers);
	}
}

static int rung;

static void count_ring(struct loop_timer *t)
{
	cr_assert_not(t->set, "it is disarmed before it rings");
	rung++;
}

Test(loop, sleeps_exactly_until_the_next_timer)
{
	struct loop_timer t = { .expire = count_ring }, later = { .expire = count_ring };

	loop_timer_set(&loop, &later, now + 5000);
	loop_timer_set(&loop, &t, now + 1234);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(last_wait_ms, 1234);
	cr_assert_eq(waits, 1, "one sleep for one timer: no ticks");
	cr_assert_eq(rung, 1);
	loop_timer_set(&loop, &later, now + 10);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(last_wait_ms, 10, "a timer moves when it is set again");
	cr_assert_eq(rung, 2);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(last_wait_ms, -1, "without timers it sleeps without limit");
}

Test(loop, far_and_past_timers)
{
	struct loop_timer far = { .expire = count_ring }, past = { .expire = count_ring };

	loop_timer_set(&loop, &far, now + (1ull << 40));
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(last_wait_ms, INT_MAX);
	cr_assert_eq(rung, 0, "a sleep in parts rings once, at the end");
	loop_timer_set(&loop, &past, 1);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(last_wait_ms, 0);
	cr_assert_eq(rung, 1);
	loop_timer_clear(&loop, &past);
	loop_timer_clear(&loop, &far);
	loop_timer_clear(&loop, &far);
	cr_assert_null(loop.timers);
}

static int rearmed;

static void rearm_for_now(struct loop_timer *t)
{
	rearmed++;
	cr_assert_lt(rearmed, 10, "one timer keeps the loop from everything else");
	loop_timer_set(&loop, t, now);
}

Test(loop, a_timer_that_rearms_itself_for_now_starves_nobody)
{
	struct loop_timer t = { .expire = rearm_for_now }, other = { .expire = count_ring };

	loop_timer_set(&loop, &t, now - 2);
	loop_timer_set(&loop, &other, now - 1);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(rearmed, 1);
	cr_assert_eq(rung, 1);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(rearmed, 2);
	loop_timer_clear(&loop, &t);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

struct source {
	struct loop_io io;
	int fds[2];
	int calls;
	uint32_t events;
	void (*then)(struct source *s);
};

static void ready(struct loop_io *io, uint32_t events)
{
	struct source *s = LOOP_OWNER(io, struct source, io);

	s->calls++;
	s->events = events;
	if (s->then != NULL)
		s->then(s);
}

static struct source *new_source(void)
{
	struct source *s = calloc(1, sizeof(*s));

	cr_assert_eq(pipe2(s->fds, O_NONBLOCK | O_CLOEXEC), 0);
	cr_assert_eq(loop_add(&loop, &s->io, s->fds[0], EPOLLIN, ready), 0);
	return s;
}

static void make_ready(struct source *s)
{
	cr_assert_eq(write(s->fds[1], "x", 1), 1);
}

static void drain(struct source *s)
{
	char c;

	cr_assert_eq(read(s->fds[0], &c, 1), 1);
}

static void free_source(struct source *s)
{
	loop_remove(&loop, &s->io);
	close(s->fds[0]);
	close(s->fds[1]);
	free(s);
}

Test(loop, level_triggered_reading)
{
	struct source *s = new_source();

	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 0);
	make_ready(s);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 2, "as long as there is something to read");
	drain(s);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 2);
	close(s->fds[1]);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert(s->events & EPOLLHUP);
	s->fds[1] = -1;
	free_source(s);
}

Test(loop, changed_events_and_removed_sources)
{
	struct source *s = new_source();

	make_ready(s);
	cr_assert_eq(loop_change(&loop, &s->io, 0), 0);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 0);
	cr_assert_eq(loop_change(&loop, &s->io, EPOLLIN), 0);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 1);
	loop_remove(&loop, &s->io);
	loop_remove(&loop, &s->io);
	cr_assert_eq(s->io.fd, -1);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 1);
	cr_assert_eq(loop_change(&loop, &s->io, EPOLLIN), -EBADF);
	free_source(s);
}

Test(loop, descriptors_that_cannot_be_watched)
{
	struct loop_io io = { .fd = 7 };
	int fd = open("/proc/self/exe", O_RDONLY);

	cr_assert_eq(loop_add(&loop, &io, -1, EPOLLIN, ready), -EBADF);
	cr_assert_eq(io.fd, -1);
	cr_assert_eq(loop_add(&loop, &io, fd, EPOLLIN, ready), -EPERM, "a regular file");
	cr_assert_eq(io.fd, -1);
	loop_remove(&loop, &io);
	close(fd);
}

enum { SOURCES = 200 };
static struct source *sources[SOURCES];

static void free_all_others(struct source *s)
{
	for (int i = 0; i < SOURCES; i++) {
		if (sources[i] == s || sources[i] == NULL)
			continue;
		free_source(sources[i]);
		sources[i] = NULL;
	}
	rung++;
}

/* Under ASan a callback for one of the freed sources ends the test. */
Test(loop, a_callback_may_free_every_other_source)
{
	for (int i = 0; i < SOURCES; i++) {
		sources[i] = new_source();
		sources[i]->then = free_all_others;
		make_ready(sources[i]);
	}
	for (int i = 0; i < 10; i++)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(rung, 10, "one source is left, and it stays ready");
	free_all_others(NULL);
}

static void free_itself(struct source *s)
{
	for (int i = 0; i < SOURCES; i++)
		if (sources[i] == s)
			sources[i] = NULL;
	free_source(s);
	rung++;
}

Test(loop, sources_that_free_themselves_all_get_their_turn)
{
	for (int i = 0; i < SOURCES; i++) {
		sources[i] = new_source();
		sources[i]->then = free_itself;
		make_ready(sources[i]);
	}
	for (int i = 0; i < SOURCES / LOOP_BATCH + 1; i++)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(rung, SOURCES);
}

static struct source *pair[2];
static struct source replacement;

static void replace_the_other(struct source *s)
{
	struct source *other = pair[s == pair[0]];

	if (replacement.io.ready != NULL)
		return;
	/* The same descriptor number for another file: the pending event is stale. */
	loop_remove(&loop, &other->io);
	cr_assert_eq(pipe2(replacement.fds, O_NONBLOCK | O_CLOEXEC), 0);
	cr_assert_eq(dup2(replacement.fds[0], other->fds[0]), other->fds[0]);
	cr_assert_eq(loop_add(&loop, &replacement.io, other->fds[0], EPOLLIN, ready), 0);
}

Test(loop, an_event_of_a_replaced_descriptor_is_not_delivered)
{
	for (int i = 0; i < 2; i++) {
		pair[i] = new_source();
		pair[i]->then = replace_the_other;
		make_ready(pair[i]);
	}
	for (int i = 0; i < 3; i++)
		cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(replacement.calls, 0);
	cr_assert_eq(pair[0]->calls + pair[1]->calls, 3, "the remaining one, three times");
	make_ready(&replacement);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(replacement.calls, 1);
	loop_remove(&loop, &replacement.io);
	free_source(pair[0]);
	free_source(pair[1]);
	close(replacement.fds[0]);
	close(replacement.fds[1]);
}

Test(loop, timers_run_after_descriptors_and_errors_come_back)
{
	struct loop_timer t = { .expire = count_ring };
	struct source *s = new_source();

	make_ready(s);
	loop_timer_set(&loop, &t, now);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_assert_eq(s->calls, 1);
	cr_assert_eq(rung, 1, "a busy descriptor does not hold up timers");
	fail_wait = EINTR;
	cr_assert_eq(loop_run_once(&loop), 0);
	fail_wait = EBADF;
	cr_assert_eq(loop_run_once(&loop), -EBADF);
	free_source(s);
}

/* ---- a clock that leaps ---------------------------------------------------------------------- */

static int late;

static void ring_late(struct loop_timer *timer)
{
	(void)timer;
	late++;
}

static void leap(struct loop_io *io, uint32_t events)
{
	(void)events;
	now += 12000;
	loop_remove(&loop, io);
}

/* The machine stands still while an event is handled: no timer becomes due by that. */
Test(loop, a_leap_while_an_event_is_handled)
{
	struct loop_timer first = { .expire = ring_late }, second = { .expire = ring_late };
	struct loop_io io = { .fd = -1 };
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(loop_add(&loop, &io, fds[0], EPOLLIN, leap), 0);
	loop_timer_set(&loop, &first, now + 3000);
	loop_timer_set(&loop, &second, now + 9000);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_eq(late, 0);
	cr_expect_eq(first.at_ms, now + 3000);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_eq(late, 1);
	cr_expect_eq(second.at_ms, now + 6000);
	close(fds[0]);
	close(fds[1]);
}

/* A loop without timers waits for long, and then arms a timer for a moment later. */
Test(loop, a_long_wait_without_timers_is_no_leap)
{
	struct loop_timer timer = { .expire = ring_late };

	cr_assert_eq(loop_run_once(&loop), 0);
	loop_timer_set(&loop, &timer, now + 100);
	cr_assert_eq(loop_run_once(&loop), 0);
	cr_expect_eq(late, 1);
}

/* ---- how often the loop looks at the clock ----------------------------------------------------
 */

static void take_time(struct loop_timer *timer)
{
	(void)timer;
	now += 40;
}

static void note_time(struct loop_io *io, uint32_t events)
{
	(void)events;
	cr_expect_eq(loop_ms(&loop), now);
	loop_remove(&loop, io);
}

/* Without a stable TSC each look is a system call. */
Test(loop, a_turn_looks_at_the_clock_after_the_wait_and_after_what_it_has_done)
{
	struct loop_timer slow = { .expire = take_time }, next = { .expire = ring_late };
	struct loop_io io = { .fd = -1 };
	int fds[2];

	loop_timer_set(&loop, &slow, loop_ms(&loop) + 100);
	loop_timer_set(&loop, &next, now + 150);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(loop_add(&loop, &io, fds[0], EPOLLIN, note_time), 0);
	looks = 0;
	cr_assert_eq(loop_run_once(&loop), 0); /* the descriptor */
	cr_expect_eq(looks, 2);
	cr_assert_eq(loop_run_once(&loop), 0); /* the first timer, which takes 40 ms */
	cr_expect_eq(last_wait_ms, 100);
	cr_expect_eq(looks, 4);
	cr_assert_eq(loop_run_once(&loop), 0); /* what it took is no part of the next wait */
	cr_expect_eq(last_wait_ms, 10);
	cr_expect_eq(late, 1);
	close(fds[0]);
	close(fds[1]);
}
