/* SPDX-License-Identifier: MIT */
/*
 * Requests about the guest's files: agent/files/file_request.h does the work, in a process of its
 * own for each, which runs as the policy's user. No path is looked at by the agent itself.
 */
#ifndef AGENT_REQUESTS_FILES_H
#define AGENT_REQUESTS_FILES_H

#include "agent/state.h"
#include "protocol/messages.h"

#define FILES_AT_ONCE 8     /* requests at once, at most */
#define FILES_MS      10000 /* what one may take, at most */

void files_requested(struct agent *a, struct connection *c, struct request *r);

#endif
