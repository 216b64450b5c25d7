/* SPDX-License-Identifier: MIT */
#include "probe/wire/inquiry.h"

#include "base/file.h"
#include "probe/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Standard streams, epoll, a directory, and some that this program inherited. */
#define DESCRIPTORS_OF_OTHERS 32

static void exchange_done(struct exchange *x);

static const char *request_text(const struct question *q)
{
	return q->request != NULL ? q->request : messages[q->kind].example;
}

const char *question_answer(const struct question *q)
{
	return message_name(messages[q->kind].answers[0]);
}

void inquiry_start(struct inquiry *i)
{
	i->failure.kind = FAILURE_NONE;
	i->elapsed_us = 0;
	i->open = i->count;
	memset(i->roots, 0, sizeof(i->roots));
	memset(i->bodies, 0, sizeof(i->bodies));
	for (size_t q = 0; q < i->count; q++) {
		struct exchange *x = &i->exchanges[q];

		*x = (struct exchange){ .loop = i->loop,
			.target = i->target,
			.request = request_text(&i->questions[q]),
			.request_len = strlen(request_text(&i->questions[q])),
			.timeout_ms = i->timeout_ms,
			.budget = i->budget,
			.done = exchange_done };
		x->owner = i;
		exchange_start(x);
	}
}

void inquiry_free(struct inquiry *i)
{
	for (size_t q = 0; q < i->count; q++) {
		exchange_free(&i->exchanges[q]);
		json_decref(i->roots[q]);
		i->roots[q] = NULL;
		i->bodies[q] = NULL;
	}
}

/* Decodes in the order of the questions, so the same failures give the same message. */
void inquiry_decode(struct inquiry *i)
{
	for (size_t q = 0; q < i->count; q++) {
		struct exchange *x = &i->exchanges[q];

		if (x->elapsed_us > i->elapsed_us)
			i->elapsed_us = x->elapsed_us;
		if (i->failure.kind != FAILURE_NONE ||
			(x->body == NULL && x->failure.kind == FAILURE_NONE))
			continue;
		if (x->failure.kind != FAILURE_NONE)
			i->failure = x->failure;
		else
			i->roots[q] = answer_open(x->body, x->body_len,
				question_answer(&i->questions[q]), &i->bodies[q], &i->failure);
	}
	for (size_t q = 0; q < i->count; q++)
		exchange_free(&i->exchanges[q]);
}

/* Note the first failure that is known without decoding. */
static void note_first_failure(struct inquiry *i)
{
	for (size_t q = 0; q < i->count; q++) {
		const struct exchange *x = &i->exchanges[q];

		if (x->elapsed_us > i->elapsed_us)
			i->elapsed_us = x->elapsed_us;
		if (i->failure.kind == FAILURE_NONE && x->failure.kind != FAILURE_NONE)
			i->failure = x->failure;
	}
	for (size_t q = 0; i->failure.kind != FAILURE_NONE && q < i->count; q++)
		exchange_free(&i->exchanges[q]);
}

static void exchange_done(struct exchange *x)
{
	struct inquiry *i = x->owner;

	if (--i->open > 0)
		return;
	if (i->keeps_raw)
		note_first_failure(i);
	else
		inquiry_decode(i);
	i->done(i);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void start_next(struct crowd *c)
{
	inquiry_start(&c->all[c->started++]);
}

static void one_is_done(struct inquiry *i)
{
	struct crowd *c = i->owner;

	c->finished++;
	if (c->started < c->count)
		start_next(c);
	else if (c->finished == c->count)
		c->done(c);
}

static void none_is_done(struct loop_timer *timer)
{
	struct crowd *c = LOOP_OWNER(timer, struct crowd, none);

	c->done(c);
}

size_t inquiry_limit(size_t question_count)
{
	rlim_t limit = file_raise_limit(RLIM_INFINITY);

	if (limit < DESCRIPTORS_OF_OTHERS + question_count)
		return 1;
	return (limit - DESCRIPTORS_OF_OTHERS) / question_count;
}

void crowd_start(struct crowd *c, struct loop *loop, const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel)
{
	size_t limit = inquiry_limit(question_count);

	if (parallel > 0 && parallel < limit)
		limit = parallel;
	c->loop = loop;
	c->count = count;
	c->started = c->finished = 0;
	c->all = memory_must(calloc(count > 0 ? count : 1, sizeof(*c->all)));
	c->budget = (struct exchange_budget){ .max = INQUIRY_BYTES_MAX,
		.share = INQUIRY_BYTES_MAX / 2 / ((count > 0 ? count : 1) * question_count) };
	c->none = (struct loop_timer){ .expire = none_is_done };
	for (size_t n = 0; n < count; n++)
		c->all[n] = (struct inquiry){ .loop = loop,
			.target = &targets[n],
			.questions = questions,
			.count = question_count,
			.timeout_ms = timeout_ms,
			.keeps_raw = true,
			.budget = &c->budget,
			.done = one_is_done,
			.owner = c };
	if (count == 0)
		loop_timer_set(loop, &c->none, 0);
	while (c->started < count && c->started < limit)
		start_next(c);
}

void crowd_free(struct crowd *c)
{
	if (c->loop != NULL)
		loop_timer_clear(c->loop, &c->none);
	inquiry_free_all(c->all, c->count);
	c->all = NULL;
	c->count = 0;
}

static void all_are_done(struct crowd *c)
{
	*(bool *)c->owner = true;
}

struct inquiry *inquiry_all(const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel)
{
	bool over = false;
	struct crowd c = { .done = all_are_done, .owner = &over };
	struct loop loop;
	int err = loop_init(&loop);

	crowd_start(&c, &loop, targets, count, questions, question_count, timeout_ms, parallel);
	while (err == 0 && !over)
		err = loop_run_once(&loop);
	for (size_t n = 0; n < count; n++) {
		struct inquiry *i = &c.all[n];

		if (err != 0) {
			inquiry_free(i);
			failure_set(
				&i->failure, FAILURE_SYSTEM, "epoll: %s", problem_errno_text(-err));
		}
		for (size_t q = 0; q < question_count; q++)
			i->exchanges[q].budget = NULL; /* the budget lives on this stack */
	}
	loop_timer_clear(&loop, &c.none);
	loop_close(&loop);
	return c.all;
}

void inquiry_free_all(struct inquiry *all, size_t count)
{
	for (size_t n = 0; all != NULL && n < count; n++)
		inquiry_free(&all[n]);
	free(all);
}
