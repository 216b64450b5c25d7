/* SPDX-License-Identifier: MIT */
/* Runs a spawn request to its end and keeps the results. Every wait has a deadline. */
#ifndef TESTS_UNIT_SPAWN_RIG_H
#define TESTS_UNIT_SPAWN_RIG_H

#include "base/launcher.h"
#include "base/spawn.h"

#include <stddef.h>
#include <sys/types.h>

struct rig_result {
	int error; /* of spawn() itself */
	pid_t pid;
	int report_fd;                /* of a copy; closed by rig_finish() */
	struct launch *launch;        /* of a launcher's child */
	int output_fd;                /* read end of standard output; closed by rig_finish() */
	int report;                   /* of spawn_report() */
	struct spawn_failure failure; /* when report is 1 */
	int status;                   /* of waitpid(2) */
	char output[32768];           /* NUL-terminated */
};

/*
 * A request for argv (a list that ends with NULL): environment RIG=1, standard error of the test,
 * everything else unset. It points into static storage that the next call reuses.
 */
struct spawn_request rig_request(const char *program, ...);

/* True if the tests are built with RIG_LAUNCHER: launchers make the children, not spawn(). */
extern const bool rig_has_launcher;

/* spawn(), or launcher_start() and launcher_settle(); keeps the results for rig_finish(). */
void rig_spawn(const struct spawn_request *r, struct rig_result *got);

/* As spawn_report(), without waiting. */
int rig_report(struct rig_result *got);

/* The launcher, for its own tests. */
struct launcher *rig_launcher(void);

/* Run its loop until `*what`. */
void rig_run_loop(const bool *what);

/* Spawn with `input` on standard input and a pipe as standard output. */
void rig_start(struct spawn_request *r, const char *input, struct rig_result *got);

/* Collect output, report and status of the child. */
void rig_finish(struct rig_result *got);

/* rig_start() and rig_finish(). */
void rig_run(struct spawn_request *r, const char *input, struct rig_result *got);

/* Run the request and fail the test unless it fails at `stage` with errno `error`. */
void rig_expect_failure(struct spawn_request *r, uint32_t stage, int error);

/* The rest of the line "KEY:" in the output, as /proc/PID/status has them, without white space at
 * its ends. */
const char *rig_status_line(const struct rig_result *got, const char *key);

/* That value as a hexadecimal number. */
unsigned long long rig_status_hex(const struct rig_result *got, const char *key);

#endif
