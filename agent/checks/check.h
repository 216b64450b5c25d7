/* SPDX-License-Identifier: MIT */
/*
 * A health check or probe: a command that runs at an interval, and its last result. Checks run
 * independently of each other. The same check never runs twice at once.
 */
#ifndef AGENT_CHECKS_CHECK_H
#define AGENT_CHECKS_CHECK_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CHECK_DETAIL_MAX  4096  /* the last bytes of standard error that are kept */
#define CHECK_OUTPUT_MAX  16384 /* most bytes of JSON output; longer output counts as none */
#define CHECK_NESTING_MAX 120   /* nesting of such output; a report adds some levels */

struct check;

/* Shared by all checks. */
struct checker {
	struct loop *loop;
	struct jobs *jobs;
	const struct identities *identities;
	void (*changed)(void *owner, struct check *check); /* `check` has a new result */
	void *owner;
};

struct check_result {
	bool known; /* false: no run of the check has ended yet */
	bool healthy;
	time_t checked_at;
	char *detail; /* UTF-8 */
	char *output; /* compact JSON text, or NULL */
};

struct check {
	struct checker *checker;
	/* Configuration; strings are kept by reference. */
	const char *kind; /* "health check" or "probe", for log lines */
	const char *name;
	const char *command;
	const char *user; /* NULL: the default */
	bool json_output;
	uint64_t interval_ms, timeout_ms;
	uint64_t quiet_until_ms; /* failures before this are expected: not logged, retried soon */
	/* State. */
	struct check_result result;
	struct job job;
	struct loop_timer due;
	unsigned int early_failures;          /* in a row, before quiet_until_ms */
	bool is_news;                         /* the result differs from the one before */
	bool said_unhealthy, said_bad_output; /* what the last log line said */
	void (*stopped)(struct check *check); /* see check_stop() */
	void *owner;                          /* for `stopped` */
};

/* Prepare a check whose configuration is set; nothing runs yet. */
void check_init(struct check *check, struct checker *checker);

/* Run the check at once, then at its interval. */
void check_begin(struct check *check);

/*
 * Stop the check. A running command is killed. `stopped` is called once it is gone, at once or
 * later; then check_free() frees the check.
 */
void check_stop(struct check *check, void (*stopped)(struct check *check));

void check_free(struct check *check);

/*
 * Set a result; copies `detail` and `output`, which may be NULL. Returns 0, or -ENOMEM and the
 * result has no texts.
 */
int check_set_result(struct check_result *r, bool healthy, time_t checked_at, const char *detail,
	const char *output);

void check_result_free(struct check_result *r);

/* ---- when a check runs next ------------------------------------------------------------------ */

#define SCHEDULE_SECS_MAX 31536000 /* a year; longer intervals and timeouts are cut to it */

/* Milliseconds for a file's seconds, limited to 1 ... SCHEDULE_SECS_MAX. */
uint64_t schedule_ms(uint64_t secs);

/*
 * The interval after a failure while the service is still starting: one second after the first
 * failure (`failures` 1), then two, four ... up to the usual interval.
 */
uint64_t schedule_eager(uint64_t interval_ms, unsigned int failures);

/*
 * When a check that started at `started_ms` and ended by `now_ms` starts again. Intervals run from
 * start to start. If the check took longer than its interval, or the clock jumped, the missed
 * starts are left out. Times are of clock_ms(); interval_ms is at least 1.
 */
uint64_t schedule_next(uint64_t started_ms, uint64_t interval_ms, uint64_t now_ms);

#endif
