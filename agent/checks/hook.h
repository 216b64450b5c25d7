/* SPDX-License-Identifier: MIT */
/*
 * Hooks: the checkpoint_cmd or restore_cmd of several integrations. They run in parallel, each as
 * its integration's user, with one deadline. After a checkpoint the size of the state is measured.
 */
#ifndef AGENT_CHECKS_HOOK_H
#define AGENT_CHECKS_HOOK_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "agent/checks/monitor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOK_DETAIL_MAX 1024 /* bytes of a failed hook's output that are kept */

enum hook_kind {
	HOOK_CHECKPOINT,
	HOOK_RESTORE,
};

/* Shared by all hooks. */
struct hook_context {
	struct jobs *jobs;
	const struct identities *identities;
	struct monitors *integrations;
	/* The agent's executable, for --state-size. */
	const char *measure_program;
	const char *const *state_roots; /* NULL-terminated; the state is in ROOT/NAME/state */
};

struct hook {
	struct hook_set *set; /* of no use to a hook that is stuck: the set may be gone */
	const struct hook_context *context;
	struct hook_batch *batch;
	char *name, *user; /* copies: the integration may go before the hook ends */
	bool critical;
	bool measuring;
	bool running;
	bool failed;
	bool is_stuck; /* its time is over, and SIGKILL does not end it: nobody waits for it */
	time_t done_at;
	char detail[HOOK_DETAIL_MAX]; /* why the hook failed */
	struct job job;
};

/* The hooks of a set. The batch outlives its set while one of them is stuck. */
struct hook_batch {
	size_t stuck;
	bool is_left; /* the set has been freed */
	struct hook items[];
};

struct hook_set {
	const struct hook_context *context;
	enum hook_kind kind;
	struct hook_batch *batch;
	struct hook *hooks; /* the batch's */
	size_t count;       /* of hooks */
	size_t left;        /* hooks that have not ended */
	uint64_t timeout_ms;
	void (*done)(struct hook_set *set); /* all ended; may be called within hook_set_run() */
	void *owner;
};

/* Prepare a set of up to `most` hooks. Returns 0 or -ENOMEM. */
int hook_set_init(
	struct hook_set *set, const struct hook_context *context, enum hook_kind kind, size_t most);

/* Add the hook of an integration if it has one of this kind. Returns 0 or -ENOMEM. */
int hook_set_add(struct hook_set *set, const struct monitor *integration);

/*
 * Run all hooks. A hook that still runs after `timeout_ms` (at least 1) is killed and counts as
 * failed. A hook that SIGKILL does not end, because it waits for a disk, fails, too, and is not
 * waited for. A hook fails at once if another hook of its integration is running. `done` is called
 * exactly once, also for an empty set.
 */
void hook_set_run(struct hook_set *set, uint64_t timeout_ms);

/* Free a set that has ended, but for its hooks that are stuck. A running set must not be freed. */
void hook_set_free(struct hook_set *set);

/* Free a set in any state, after all jobs are closed. */
void hook_set_abandon(struct hook_set *set);

#endif
