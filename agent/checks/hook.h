/* SPDX-License-Identifier: MIT */
/*
 * Hooks: the checkpoint_cmd or restore_cmd of several integrations, run in parallel, each as its
 * integration's user and with the same deadline. After a checkpoint its state is measured.
 */
#ifndef AGENT_CHECKS_HOOK_H
#define AGENT_CHECKS_HOOK_H

#include "agent/checks/identity.h"
#include "agent/checks/job.h"
#include "agent/checks/monitor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOK_DETAIL_MAX 1024 /* bytes that are kept of what a failed hook says */

enum hook_kind {
	HOOK_CHECKPOINT,
	HOOK_RESTORE,
};

/* What all hooks share. */
struct hook_context {
	struct jobs *jobs;
	const struct identities *identities;
	struct monitors *integrations;
	/* Prints the size of the first of the directories in its arguments, behind --state-size. */
	const char *measure_program;
	const char *const *state_roots; /* NULL-terminated; under them NAME/state */
};

struct hook {
	struct hook_set *set;
	char *name, *user; /* copies: the integration may be gone before the hook has ended */
	bool critical;
	bool measuring;
	bool running;
	bool failed;
	time_t done_at;
	char detail[HOOK_DETAIL_MAX]; /* why it has failed */
	struct job job;
};

struct hook_set {
	const struct hook_context *context;
	enum hook_kind kind;
	struct hook *hooks;
	size_t count; /* of hooks */
	size_t left;  /* that have not ended */
	uint64_t timeout_ms;
	void (*done)(struct hook_set *set); /* all have ended: later, or within hook_set_run() */
	void *owner;
};

/* Prepare a set for up to `most` hooks. Returns 0 or -ENOMEM. */
int hook_set_init(
	struct hook_set *set, const struct hook_context *context, enum hook_kind kind, size_t most);

/* Add the hook of an integration, if it has one of this kind. Returns 0 or -ENOMEM. */
int hook_set_add(struct hook_set *set, const struct monitor *integration);

/*
 * Run all hooks; those that have not ended after `timeout_ms` (at least 1) are killed, and have
 * failed. A hook whose integration has another hook running fails at once. `done` is called exactly
 * once, also for an empty set.
 */
void hook_set_run(struct hook_set *set, uint64_t timeout_ms);

/* Free a set that has ended. One that runs must not be freed. */
void hook_set_free(struct hook_set *set);

/* Free a set whatever it does, when all jobs are closed. */
void hook_set_abandon(struct hook_set *set);

#endif
