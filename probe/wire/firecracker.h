/* SPDX-License-Identifier: MIT */
/*
 * Calls of Firecracker's API: HTTP/1.1 (RFC 9112) over the Unix socket of --api-sock, one call a
 * connection (docs/api_requests of Firecracker; its OpenAPI file has the paths and bodies).
 */
#ifndef PROBE_WIRE_FIRECRACKER_H
#define PROBE_WIRE_FIRECRACKER_H

#include "probe/wire/failure.h"

#include <stdbool.h>
#include <stdint.h>

#define FIRECRACKER_ANSWER_MAX 65536

/*
 * Send `body` (JSON) with `method` to `path` of the API at `socket`. True when it is answered with
 * a 2xx within `timeout_ms`; otherwise false with `f`: what Firecracker gave as fault_message, or
 * why there was no answer.
 */
bool firecracker_call(const char *socket, const char *method, const char *path, const char *body,
	uint64_t timeout_ms, struct failure *f);

#endif
