/* SPDX-License-Identifier: MIT */
/* Before a snapshot: SleepPrep and CheckpointIntegrations. */
#ifndef AGENT_REQUESTS_SNAPSHOT_H
#define AGENT_REQUESTS_SNAPSHOT_H

#include "agent/state.h"
#include "protocol/messages.h"

/*
 * SleepPrep: run the checkpoint_cmd of every integration, freeze the services if configured, sync
 * the file systems and drop the page cache. The reply comes before the host's timeout even if a
 * step has not ended, which then continues. The reply is a failure if the checkpoint of a critical
 * integration or the sync failed.
 */
void snapshot_sleep_prep(struct agent *a, struct connection *c, struct request *r);

/*
 * CheckpointIntegrations: run the checkpoint_cmd of the named integrations. Unknown names and
 * failed hooks are listed as failed.
 */
void snapshot_checkpoint(struct agent *a, struct connection *c, struct request *r);

/* Milliseconds that SleepPrep has until its reply if the host waits `secs` seconds. */
uint64_t snapshot_budget_ms(uint64_t secs);

#endif
