/* SPDX-License-Identifier: MIT */
#include "agent/requests/control_record.h"

#include "protocol/frame.h"
#include "protocol/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4
#define EVENT_FIXED  128 /* bytes of the answer's JSON beside the two */

int control_records_add(struct control_records *r, const char *bytes, size_t len)
{
	char *more = len > 0 ? realloc(r->bytes, r->len + len) : r->bytes;

	if (more == NULL)
		return len > 0 ? -ENOMEM : 0;
	memcpy(more + r->len, bytes, len);
	r->bytes = more;
	r->len += len;
	return 0;
}

static size_t length_at(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

/* The record's parts in memory of its own. */
static int copy(const struct control_records *r, size_t header, size_t payload,
	struct entrypoint_control *event, char **text)
{
	const char *json = r->bytes + LENGTH_BYTES;
	struct json value;
	struct problem p;
	int err = json_check(json, header, &value, &p);

	if (err != 0)
		return err == -ENOMEM ? err : -EBADMSG;
	if (json_string_size(json, header) + 4 * payload + EVENT_FIXED > PROTOCOL_BODY_MAX)
		return -EMSGSIZE;
	*text = malloc(header + 1 + payload);
	if (*text == NULL)
		return -ENOMEM;
	memcpy(*text, json, header);
	(*text)[header] = '\0';
	memcpy(*text + header + 1, json + header + LENGTH_BYTES, payload);
	*event = (struct entrypoint_control){ .header_json = *text,
		.payload = { *text + header + 1, payload } };
	return 1;
}

int control_records_take(struct control_records *r, struct entrypoint_control *event, char **header)
{
	size_t json, payload, all;
	int got;

	if (r->len < LENGTH_BYTES)
		return 0;
	json = length_at(r->bytes);
	if (json > CONTROL_HEADER_MAX)
		return -EMSGSIZE;
	if (r->len < json + 2 * LENGTH_BYTES)
		return 0;
	payload = length_at(r->bytes + LENGTH_BYTES + json);
	if (payload > CONTROL_PAYLOAD_MAX)
		return -EMSGSIZE;
	all = json + payload + 2 * LENGTH_BYTES;
	if (r->len < all)
		return 0;
	got = copy(r, json, payload, event, header);
	if (got == 1) {
		r->len -= all;
		memmove(r->bytes, r->bytes + all, r->len);
	}
	return got;
}

void control_records_free(struct control_records *r)
{
	free(r->bytes);
	*r = (struct control_records){ 0 };
}
