/* SPDX-License-Identifier: MIT */
/*
 * IntegrationStatusReport and ProbeStatusReport. A report always fits a frame: if needed, the
 * details of all entries are cut and long outputs are left out, in steps.
 */
#ifndef AGENT_REQUESTS_HEALTH_REPORT_H
#define AGENT_REQUESTS_HEALTH_REPORT_H

#include "agent/checks/monitor.h"
#include "base/buf.h"

#include <stdint.h>

struct report {
	const struct monitors *monitors;
	uint64_t now_ms; /* clock_ms() */
};

/* Append the report. `arg` is a const struct report *. */
void report_write_integrations(struct buf *b, const void *arg);
void report_write_probes(struct buf *b, const void *arg);

#endif
