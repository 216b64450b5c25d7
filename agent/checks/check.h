/* SPDX-License-Identifier: MIT */
/*
 * One health check or probe: a command that runs at its interval, and its last result. All checks
 * run independently of each other; one never runs twice at once.
 */
#ifndef AGENT_CHECKS_CHECK_H
#define AGENT_CHECKS_CHECK_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CHECK_DETAIL_MAX  4096  /* bytes of standard error that are kept: the last ones */
#define CHECK_OUTPUT_MAX  16384 /* bytes of JSON that are kept; longer output counts as none */
#define CHECK_NESTING_MAX 120   /* arrays and objects in such output, which a report wraps */

struct check;

/* What all checks share. */
struct checker {
	struct loop *loop;
	struct jobs *jobs;
	const struct identities *identities;
	void (*changed)(void *owner, struct check *check); /* it has a new result */
	void *owner;
};

struct check_result {
	bool known; /* false: the check has not ended once */
	bool healthy;
	time_t checked_at;
	char *detail; /* UTF-8 */
	char *output; /* compact JSON text, or NULL */
};

struct check {
	struct checker *checker;
	/* The configuration; strings are kept by reference. */
	const char *kind; /* for log lines: "health check" or "probe" */
	const char *name;
	const char *command;
	const char *user; /* NULL: the default */
	bool json_output;
	uint64_t interval_ms, timeout_ms;
	uint64_t quiet_until_ms; /* failures before this are expected: not logged, soon repeated */
	/* The state. */
	struct check_result result;
	struct job job;
	struct loop_timer due;
	unsigned int early_failures;          /* in a row, before quiet_until_ms */
	bool said_unhealthy, said_bad_output; /* the last log line said so */
	void (*stopped)(struct check *check); /* see check_stop() */
	void *owner;                          /* for `stopped` */
};

/* Prepare a check whose configuration is set; nothing runs yet. */
void check_init(struct check *check, struct checker *checker);

/* Run it from now on, the first time at once. */
void check_begin(struct check *check);

/*
 * Run it no more. A command that runs is killed, and `stopped` is called when it is gone: at once
 * or later. After that, check_free() frees the rest.
 */
void check_stop(struct check *check, void (*stopped)(struct check *check));

void check_free(struct check *check);

/*
 * Set a result: `detail` and `output` are copied, and either may be NULL. Returns 0 or -ENOMEM,
 * and then the result has no texts.
 */
int check_set_result(struct check_result *r, bool healthy, time_t checked_at, const char *detail,
	const char *output);

void check_result_free(struct check_result *r);

/* ---- when a check runs next ------------------------------------------------------------------ */

#define SCHEDULE_SECS_MAX 31536000 /* a year: longer intervals and timeouts count as this */

/* Seconds of a configuration file as milliseconds: from one second to SCHEDULE_SECS_MAX. */
uint64_t schedule_ms(uint64_t secs);

/*
 * The interval of a check that is not healthy yet although its service has just begun to start:
 * after its first failure (`failures` 1) a second, then two, four ... up to the usual one.
 */
uint64_t schedule_eager(uint64_t interval_ms, unsigned int failures);

/*
 * When a check that started at `started_ms` and has ended by `now_ms` starts again. Intervals run
 * from start to start. A check that took longer than its interval, or a clock that has jumped,
 * leaves out starts instead of catching up. All times in clock_ms(); interval_ms is at least 1.
 */
uint64_t schedule_next(uint64_t started_ms, uint64_t interval_ms, uint64_t now_ms);

#endif
