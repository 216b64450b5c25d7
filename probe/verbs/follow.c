/* SPDX-License-Identifier: MIT */
#include "probe/verbs/follow.h"

#include "base/clock.h"
#include "probe/memory.h"
#include "probe/verbs/output.h"

#include <stdlib.h>
#include <unistd.h>

/* The pause is short after new output, and grows while there is none. */
#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS  1000

/* A loop for questions and pauses. It also watches for the end of the output's reader. */
struct rounds {
	struct loop loop;
	struct loop_io out;
	struct loop_timer pause;
	bool over; /* the question is answered, or the pause has ended */
	bool reader_gone;
};

/* The time left, at least 1 ms; without a deadline, --timeout. */
static uint64_t follow_time(const struct follow *f)
{
	uint64_t now = clock_ms();

	if (f->deadline_ms == 0)
		return f->options->timeout_ms;
	return now < f->deadline_ms ? f->deadline_ms - now : 1;
}

struct inquiry *follow_ask(struct follow *f, bool *came)
{
	char *request = f->request(f);
	struct inquiry *i = inquiry_all(f->options->targets, 1,
		&(struct question){ f->kind, request }, 1, follow_time(f), 0);

	inquiry_decode(i);
	*came = i->failure.kind == FAILURE_NONE && f->take(f, i);
	free(request);
	return i;
}

/* Called for errors and hang-ups only. */
static void out_closed(struct loop_io *io, uint32_t events)
{
	(void)events;
	LOOP_OWNER(io, struct rounds, out)->reader_gone = true;
}

static void pause_over(struct loop_timer *timer)
{
	LOOP_OWNER(timer, struct rounds, pause)->over = true;
}

static void question_over(struct inquiry *i)
{
	((struct rounds *)i->owner)->over = true;
}

/* False if the output's reader is gone. */
static bool run_until_over(struct rounds *r)
{
	for (r->over = false; !r->over && !r->reader_gone;)
		if (loop_run_once(&r->loop) != 0)
			return false;
	return !r->reader_gone;
}

static bool pause_for(struct rounds *r, uint64_t ms)
{
	if (ms == 0)
		return true;
	r->pause.expire = pause_over;
	loop_timer_set(&r->loop, &r->pause, clock_ms() + ms);
	return run_until_over(r);
}

/* Ask, and take the answer. False if the output's reader is gone. */
static bool ask(struct rounds *r, struct follow *f, struct failure *failure, bool *came)
{
	const struct options *o = f->options;
	char *request = f->request(f);
	const struct question question = { f->kind, request };
	struct inquiry *i = memory_must(calloc(1, sizeof(*i)));
	bool read;

	*i = (struct inquiry){ .loop = &r->loop,
		.target = &o->targets[0],
		.questions = &question,
		.count = 1,
		.timeout_ms = o->timeout_ms,
		.done = question_over,
		.owner = r };
	inquiry_start(i);
	read = run_until_over(r);
	*came = read && i->failure.kind == FAILURE_NONE && f->take(f, i);
	*failure = i->failure;
	inquiry_free_all(i, 1);
	free(request);
	return read && output_flush();
}

static uint64_t next_pause(const struct follow *f, uint64_t before_ms, bool came, uint64_t took_ms)
{
	if (f->waits && (came || took_ms >= PAUSE_LAST_MS))
		return 0;
	if (came || before_ms == 0)
		return PAUSE_FIRST_MS;
	return before_ms * 2 < PAUSE_LAST_MS ? before_ms * 2 : PAUSE_LAST_MS;
}

static int run(struct rounds *r, struct follow *f)
{
	const struct options *o = f->options;
	uint64_t pause_ms = f->waits ? 0 : PAUSE_FIRST_MS, answered_ms = clock_ms();

	while (pause_for(r, pause_ms)) {
		struct failure failure;
		uint64_t asked_ms = clock_ms(), now;
		bool came;

		if (!ask(r, f, &failure, &came))
			break;
		now = clock_ms();
		pause_ms = next_pause(f, pause_ms, came, now - asked_ms);
		if (failure.kind == FAILURE_NONE) {
			answered_ms = now;
		} else if (failure.kind == FAILURE_ERROR_ANSWER || failure_is_final(failure.kind) ||
			   now - answered_ms >= o->timeout_ms) {
			output_error(&o->targets[0], &failure);
			return (int)failure_exit(failure.kind);
		}
	}
	return r->reader_gone ? EXIT_HEALTHY : EXIT_NO_ANSWER;
}

int follow_run(struct follow *f)
{
	struct rounds r = { .out.fd = -1 };
	int status = EXIT_NO_ANSWER;

	if (loop_init(&r.loop) != 0)
		return status;
	/* Fails for a plain file, which has no reader to watch. */
	loop_add(&r.loop, &r.out, STDOUT_FILENO, 0, out_closed);
	status = run(&r, f);
	loop_timer_clear(&r.loop, &r.pause);
	loop_remove(&r.loop, &r.out);
	loop_close(&r.loop);
	return status;
}
