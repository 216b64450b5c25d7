/* SPDX-License-Identifier: MIT */
#include "agent/requests/refusal.h"

#include <string.h>

/* Error kinds, by enum refusal, of the answers that have their own errors. */
static const struct error_kinds {
	enum message_kind answer;
	unsigned int variant; /* index of the answer's error variant */
	unsigned int kinds[REFUSAL_FAILED + 1];
} table[] = {
	{ ANSWER_FS_RESULT, FS_RESULT_ERROR, { FS_POLICY_DENIED, FS_OTHER, FS_OTHER } },
	{ ANSWER_PROC_RESULT, PROC_RESULT_ERROR,
		{ PROC_UNSUPPORTED_IN_PRODUCTION, PROC_OTHER, PROC_OTHER } },
	{ ANSWER_PROC_WAIT_EVENT, PROC_EVENT_ERROR,
		{ PROC_UNSUPPORTED_IN_PRODUCTION, PROC_OTHER, PROC_OTHER } },
	{ ANSWER_ENTRYPOINT_EVENT, ENTRYPOINT_ERROR,
		{ ENTRYPOINT_INVALID, ENTRYPOINT_INTERNAL_ERROR, ENTRYPOINT_INTERNAL_ERROR } },
	{ ANSWER_VOLUME_MOUNT, VOLUME_ERROR, { VOLUME_POLICY_DENIED, VOLUME_OTHER, VOLUME_OTHER } },
};

struct refused {
	const struct error_kinds *row;
	enum refusal why;
	const char *message;
};

static void write_refused(struct buf *b, const void *arg)
{
	const struct refused *r = arg;
	struct kind_error error = { .kind = r->row->kinds[r->why], .message = (char *)r->message };
	const struct field *value = messages[r->row->answer].body.value;
	union answer_body body = { 0 };

	memcpy((char *)&body + value->offset, &r->row->variant, sizeof(r->row->variant));
	memcpy((char *)&body + value->content_offset, &error, sizeof(error));
	message_encode(b, r->row->answer, &body);
}

void refuse(struct connection *c, enum message_kind kind, enum refusal why, const char *message)
{
	struct refused r = { .why = why, .message = message };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && r.row == NULL; i++)
		if (table[i].answer == messages[kind].answers[0])
			r.row = &table[i];
	if (r.row != NULL)
		connection_reply(c, write_refused, &r);
	else
		connection_error(c, message, false);
}
