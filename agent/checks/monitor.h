/* SPDX-License-Identifier: MIT */
/* The integrations and probes that the agent watches: definitions, checks and results. */
#ifndef AGENT_CHECKS_MONITOR_H
#define AGENT_CHECKS_MONITOR_H

#include "agent/checks/check.h"
#include "agent/checks/definition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Nothing else may be reported: hosts cannot read a report with a status that they do not know. */
enum monitor_status {
	MONITOR_ACTIVE,
	MONITOR_PENDING,
	MONITOR_STARTING,
	MONITOR_ERROR,
};

struct monitor {
	struct monitor *next_ending; /* in struct monitors, while its command is being killed */
	struct definition definition;
	struct check check; /* idle where the definition has no command */
	bool begun;
	bool hook_running;     /* a checkpoint_cmd or restore_cmd of it runs */
	char service_user[12]; /* user of the service of the same name; empty: none */
	bool no_service;       /* PID 1 has no service of this name */
	bool result_due;       /* PID 1 is to be told of the last result */
	bool checkpointed;
	time_t last_checkpoint_at; /* when `checkpointed` */
	uint64_t state_size_bytes;
};

/* All of one kind, in the order of their files' names. */
struct monitors {
	enum definition_kind kind;
	const char *directory;
	struct checker *checker;
	uint64_t first_start_ms; /* clock_ms() of the first start of the agent: grace counts from it
				  */
	time_t first_start_at;   /* the same as a time of day */
	uint64_t all_healthy_ms; /* clock_ms() when every check first was healthy; 0: not yet */
	struct monitor **items;
	size_t count;
	struct monitor *ending; /* no longer defined, but with a command that has not ended */
};

/* Prepare an empty list. `directory` and `checker` are kept by reference. */
void monitors_init(struct monitors *m, enum definition_kind kind, const char *directory,
	struct checker *checker);

/* Say when the agent first started, which an earlier run of it has found out. */
void monitors_set_first_start(struct monitors *m, uint64_t first_start_ms, time_t first_start_at);

/*
 * Read the directory (again). Whatever is defined as before goes on undisturbed; what has changed
 * keeps its last result until it is checked anew; what is gone is stopped. Where the directory
 * cannot be read, all stays as it is.
 */
void monitors_load(struct monitors *m);

/* Run the checks that do not run yet. */
void monitors_begin(struct monitors *m);

/* A result has come: is every check healthy now? */
void monitors_note_health(struct monitors *m);

/* The guest is as if it had just started: the grace time begins, and every check runs now. */
void monitors_start_over(struct monitors *m);

/* Free everything. Jobs must have been closed. */
void monitors_free(struct monitors *m);

struct monitor *monitors_find(const struct monitors *m, const char *name);

/*
 * The status of an integration at `now_ms`: its last result decides, but failures and absent
 * results are "starting" within the grace time of the definition.
 */
enum monitor_status monitor_status(
	const struct monitor *monitor, uint64_t first_start_ms, uint64_t now_ms);

#endif
