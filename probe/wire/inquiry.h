/* SPDX-License-Identifier: MIT */
/*
 * Questions to one target or to many. The agents of the protocol take one request a connection, so
 * every question is an exchange of its own; those of a target run side by side.
 */
#ifndef PROBE_WIRE_INQUIRY_H
#define PROBE_WIRE_INQUIRY_H

#include "probe/wire/answer.h"
#include "probe/wire/exchange.h"
#include "protocol/messages.h"

#include <jansson.h>

#define INQUIRY_QUESTIONS 4

struct question {
	enum message_kind kind;
	const char *request; /* its JSON; NULL for a request without fields */
};

struct inquiry {
	/* The caller sets these. */
	struct loop *loop;
	const struct target *target;
	const struct question *questions;
	size_t count; /* how many, INQUIRY_QUESTIONS at most */
	uint64_t timeout_ms;
	bool keeps_raw;                  /* bodies are there after inquiry_decode() only */
	struct exchange_budget *budget;  /* or NULL */
	void (*done)(struct inquiry *i); /* called once, from the loop */
	void *owner;                     /* for it */

	/* The result. Bodies are valid until inquiry_free(). */
	struct failure failure; /* of the first question that failed; FAILURE_NONE: all answered */
	const json_t *bodies[INQUIRY_QUESTIONS];
	uint64_t elapsed_us; /* of the slowest */

	/* The inquiry's own. */
	json_t *roots[INQUIRY_QUESTIONS];
	struct exchange exchanges[INQUIRY_QUESTIONS];
	size_t open;
};

/* The name of the message that answers a question. */
const char *question_answer(const struct question *q);

/* Ask. What the caller sets must be set; the rest is cleared. */
void inquiry_start(struct inquiry *i);

/* Stop, if it still runs, and free what it holds. */
void inquiry_free(struct inquiry *i);

/* Read the bodies of an inquiry that keeps them raw. A wrong one sets its failure. */
void inquiry_decode(struct inquiry *i);

/*
 * Many inquiries on one loop. Answers stay as the bytes that came until inquiry_decode(), since a
 * tree of JSON takes many times as much: read one, use it, and inquiry_free() it, in the order of
 * the targets. Of all answers together INQUIRY_BYTES_MAX are kept; when they are more, those that
 * are larger than their share fail.
 */
#define INQUIRY_BYTES_MAX (8u << 20)

struct crowd {
	struct inquiry *all; /* in the order of the targets; crowd_free() frees them */
	size_t count;
	void (*done)(struct crowd *c); /* all have answered or failed; called from the loop */
	void *owner;
	/* Its own. */
	struct exchange_budget budget;
	struct loop *loop;
	struct loop_timer none; /* for the call of `done` when there is no target */
	size_t started, finished;
};

/*
 * Ask `count` targets the same questions, `parallel` at a time (0: as many as there are descriptors
 * for). `done` and `owner` must be set. Each target has `timeout_ms` from its own start.
 */
void crowd_start(struct crowd *c, struct loop *loop, const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel);

/* Stop what still runs and free it. */
void crowd_free(struct crowd *c);

/*
 * The same on a loop of its own: comes back when all have answered or failed. Returns an array of
 * `count` inquiries, raw, for inquiry_free_all().
 */
struct inquiry *inquiry_all(const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel);

void inquiry_free_all(struct inquiry *all, size_t count);

/*
 * Allow this program all the descriptors that it may have, and return how many inquiries of
 * `question_count` questions they are enough for, at least 1.
 */
size_t inquiry_limit(size_t question_count);

#endif
