/* SPDX-License-Identifier: MIT */
/*
 * File requests. Each runs in its own process as the policy's user, which does the work
 * (agent/files/file_request.h). The agent itself never touches a path.
 */
#ifndef AGENT_REQUESTS_FILES_H
#define AGENT_REQUESTS_FILES_H

#include "agent/state.h"
#include "base/buf.h"
#include "base/problem.h"
#include "protocol/messages.h"

#define FILES_AT_ONCE 8     /* most requests at a time */
#define FILES_MS      10000 /* longest time for a request */

/*
 * Start a job that does what the JSON of a file request says; the FsResult is its standard output.
 * `request` must outlive it. Returns 0, or -errno with `p` when nothing was started.
 */
int files_start(struct agent *a, struct job *job, const struct buf *request, struct problem *p);

void files_requested(struct agent *a, struct connection *c, struct request *r);

#endif
