/* SPDX-License-Identifier: MIT */
/*
 * Questions to one or many targets. mvm's agents serve one request for each connection, so every
 * question is its own exchange. The questions to a target run side by side.
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
	/* Set by the caller. */
	struct loop *loop;
	const struct target *target;
	const struct question *questions;
	size_t count; /* at most INQUIRY_QUESTIONS */
	uint64_t timeout_ms;
	bool keeps_raw;                  /* bodies are set only by inquiry_decode() */
	struct exchange_budget *budget;  /* or NULL */
	void (*done)(struct inquiry *i); /* called once, from the loop */
	void *owner;                     /* for `done` */

	/* The result. Bodies are valid until inquiry_free(). */
	struct failure failure; /* of the first question that failed; FAILURE_NONE: all answered */
	const json_t *bodies[INQUIRY_QUESTIONS];
	uint64_t elapsed_us; /* of the slowest */

	/* Private. */
	json_t *roots[INQUIRY_QUESTIONS];
	struct exchange exchanges[INQUIRY_QUESTIONS];
	size_t open;
};

/* The name of the message that answers a question. */
const char *question_answer(const struct question *q);

/* Ask. The caller has set its fields; the rest is cleared. */
void inquiry_start(struct inquiry *i);

/* Stop the inquiry if it still runs, and free its memory. */
void inquiry_free(struct inquiry *i);

/* Decode the answers of an inquiry that keeps them raw. A wrong one sets its failure. */
void inquiry_decode(struct inquiry *i);

/*
 * Many inquiries on one loop. Answers stay raw until inquiry_decode(), because a tree of JSON takes
 * many times the memory: decode one, use it and inquiry_free() it, in the order of the targets. At
 * most INQUIRY_BYTES_MAX bytes of answers are kept in total; above that, answers larger than their
 * share fail.
 */
#define INQUIRY_BYTES_MAX (8u << 20)

struct crowd {
	struct inquiry *all; /* in the order of the targets; crowd_free() frees them */
	size_t count;
	void (*done)(struct crowd *c); /* called from the loop once all answered or failed */
	void *owner;
	/* Private. */
	struct exchange_budget budget;
	struct loop *loop;
	struct loop_timer none; /* calls `done` if there are no targets */
	size_t started, finished;
};

/*
 * Ask `count` targets the same questions, `parallel` at a time (0: as many as the descriptor limit
 * allows). The caller has set `done` and `owner`. Each target has `timeout_ms` from its own start.
 */
void crowd_start(struct crowd *c, struct loop *loop, const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel);

/* Stop and free all inquiries. */
void crowd_free(struct crowd *c);

/*
 * The same on its own loop: returns when all have answered or failed. Returns an array of `count`
 * raw inquiries for inquiry_free_all().
 */
struct inquiry *inquiry_all(const struct target *targets, size_t count,
	const struct question *questions, size_t question_count, uint64_t timeout_ms,
	size_t parallel);

void inquiry_free_all(struct inquiry *all, size_t count);

/*
 * Raise this program's descriptor limit to the hard limit. Returns how many inquiries of
 * `question_count` questions fit it, at least 1.
 */
size_t inquiry_limit(size_t question_count);

#endif
