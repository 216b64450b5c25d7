/* SPDX-License-Identifier: MIT */
/* Before a snapshot: SleepPrep and CheckpointIntegrations. */
#ifndef AGENT_REQUESTS_SNAPSHOT_H
#define AGENT_REQUESTS_SNAPSHOT_H

#include "agent/state.h"
#include "protocol/messages.h"

/*
 * SleepPrep: run the checkpoint_cmd of every integration, then freeze the services where the
 * configuration asks for it, write everything to the disks and drop the page cache. The reply comes
 * before the host's time is over, also when something has not ended, which then goes on. It says
 * failure when the checkpoint of a critical integration or the writing has failed.
 */
void snapshot_sleep_prep(struct agent *a, struct connection *c, struct request *r);

/*
 * CheckpointIntegrations: run the checkpoint_cmd of the named integrations. Names that are not
 * known, and hooks that fail, are listed as failed.
 */
void snapshot_checkpoint(struct agent *a, struct connection *c, struct request *r);

/* Milliseconds that SleepPrep has until its reply, when the host waits for `secs` seconds. */
uint64_t snapshot_budget_ms(uint64_t secs);

#endif
