/* SPDX-License-Identifier: MIT */
/*
 * Calls Firecracker's API: HTTP/1.1 (RFC 9112) over the Unix socket of --api-sock, one call for
 * each connection (docs/api_requests of Firecracker; its OpenAPI file has the paths and bodies).
 */
#ifndef PROBE_WIRE_FIRECRACKER_H
#define PROBE_WIRE_FIRECRACKER_H

#include "probe/wire/failure.h"

#include <stdbool.h>
#include <stdint.h>

#define FIRECRACKER_ANSWER_MAX 65536

/*
 * Send `body` (JSON) with `method` to `path` of the API at `socket`. True if the answer is a 2xx
 * and arrives within `timeout_ms`. Otherwise `f` has Firecracker's fault_message, or why there was
 * no answer.
 */
bool firecracker_call(const char *socket, const char *method, const char *path, const char *body,
	uint64_t timeout_ms, struct failure *f);

#endif
