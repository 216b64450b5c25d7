/* SPDX-License-Identifier: MIT */
/* Monitors: the integrations and probes with their definitions, checks and results. */
#ifndef AGENT_CHECKS_MONITOR_H
#define AGENT_CHECKS_MONITOR_H

#include "agent/checks/check.h"
#include "agent/checks/definition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The only statuses that may be reported: a host refuses a report with an unknown status. */
enum monitor_status {
	MONITOR_ACTIVE,
	MONITOR_PENDING,
	MONITOR_STARTING,
	MONITOR_ERROR,
};

struct monitor {
	struct monitor
		*next_ending; /* list in struct monitors, while the command is being killed */
	struct definition definition;
	struct check check; /* idle if the definition has no command */
	bool begun;
	bool hook_running;        /* its checkpoint_cmd or restore_cmd runs */
	char service_user[12];    /* uid of the service of the same name, as text; "": none */
	bool no_service;          /* PID 1 has no service of this name */
	bool is_down;             /* PID 1 has said that its service does not run */
	bool result_due;          /* PID 1 must be told the last result */
	uint64_t result_begun_ms; /* when the check of that result began, in clock_ms() */
	bool checkpointed;
	time_t last_checkpoint_at; /* when `checkpointed` */
	uint64_t state_size_bytes;
};

/* All monitors of one kind, sorted by the names of their files. */
struct monitors {
	enum definition_kind kind;
	const char *directory;
	struct checker *checker;
	uint64_t first_start_ms; /* clock_ms() of the agent's first start; grace starts here */
	time_t first_start_at;   /* the same as time of day */
	uint64_t all_healthy_ms; /* clock_ms() when all checks were first healthy; 0: not yet */
	struct monitor **items;
	size_t count;
	struct monitor *ending; /* no longer defined, but their command still runs */
};

/* Prepare an empty list. `directory` and `checker` are kept by reference. */
void monitors_init(struct monitors *m, enum definition_kind kind, const char *directory,
	struct checker *checker);

/* Set when the agent first started, as an earlier run of the agent recorded it. */
void monitors_set_first_start(struct monitors *m, uint64_t first_start_ms, time_t first_start_at);

/*
 * Read the directory, at the start or again. A monitor with an unchanged definition runs on
 * undisturbed. A changed one keeps its last result until its next check. A removed one is stopped.
 * If the directory cannot be read, nothing changes.
 */
void monitors_load(struct monitors *m);

/* Start the checks that are not running yet. */
void monitors_begin(struct monitors *m);

/* After a result: note the time if all checks are healthy for the first time. */
void monitors_note_health(struct monitors *m);

/* After a restore: the grace time starts again, and every check runs now. */
void monitors_start_over(struct monitors *m);

/* Free everything. All jobs must be closed before. */
void monitors_free(struct monitors *m);

struct monitor *monitors_find(const struct monitors *m, const char *name);

/* True if one of them has no check: its service's state is its status. */
bool monitors_have_unchecked(const struct monitors *m);

/* Take over from PID 1 the state of a service, which may have no integration. */
void monitors_note_service(const struct monitors *m, const char *name, const char *state);

/*
 * The status of an integration at `now_ms`. Its last result decides. Within the grace time of the
 * definition, a failure or a missing result is MONITOR_STARTING. One
 * without a check is active while its service runs, or if PID 1 has no such service.
 */
enum monitor_status monitor_status(
	const struct monitor *monitor, uint64_t first_start_ms, uint64_t now_ms);

#endif
