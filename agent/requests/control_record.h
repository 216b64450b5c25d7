/* SPDX-License-Identifier: MIT */
/*
 * Records that an entrypoint writes to descriptor 3, beside its output: a length (32 bits, the
 * lowest first), a JSON value of so many bytes, a second length, and so many bytes of any kind.
 */
#ifndef AGENT_REQUESTS_CONTROL_RECORD_H
#define AGENT_REQUESTS_CONTROL_RECORD_H

#include "protocol/messages.h"

#include <stddef.h>

#define CONTROL_HEADER_MAX  65536 /* bytes of a record's JSON */
#define CONTROL_PAYLOAD_MAX 60000 /* bytes behind it: with the JSON they must fit a frame */

/* What has come and is no whole record yet; zeroed: nothing. */
struct control_records {
	char *bytes;
	size_t len;
};

/* Add bytes. Returns 0 or -ENOMEM. */
int control_records_add(struct control_records *r, const char *bytes, size_t len);

/*
 * Take the first record into `event`, which points to memory that the caller frees as `header`.
 * Returns 1; 0 when there is no whole one; -EMSGSIZE for one that no frame can hold, -EBADMSG for a
 * header that is no JSON, or -ENOMEM.
 */
int control_records_take(
	struct control_records *r, struct entrypoint_control *event, char **header);

void control_records_free(struct control_records *r);

#endif
