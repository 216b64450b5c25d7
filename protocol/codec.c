/* SPDX-License-Identifier: MIT */
/* Decode and encode messages by the table in messages.c. */
#include "protocol/messages.h"

#include <string.h>

static const enum message_kind firsts[MESSAGE_DIRECTIONS + 1] = {
	[MESSAGE_REQUEST] = REQUEST_PING,
	[MESSAGE_ANSWER] = ANSWER_FIRST,
	[MESSAGE_HOST_REQUEST] = HOST_REQUEST_FIRST,
	[MESSAGE_HOST_ANSWER] = HOST_ANSWER_FIRST,
	[MESSAGE_DIRECTIONS] = MESSAGE_KINDS,
};

const char *message_name(enum message_kind kind)
{
	return messages[kind].body.name;
}

int message_decode(enum message_direction direction, const char *text, size_t len,
	enum message_kind *kind, void *body, struct problem *p)
{
	enum message_kind first = firsts[direction], count = firsts[direction + 1] - first;
	const struct variants all = { &messages[first].body, sizeof(messages[0]), count };
	struct json value;
	unsigned int index;
	int err = json_check(text, len, &value, p);

	*kind = MESSAGE_KINDS;
	if (err != 0)
		return err;
	err = variant_decode(&all, text, value, &index, body, p);
	if (index < count)
		*kind = first + index;
	return err;
}

void message_free(enum message_kind kind, void *body)
{
	if (kind < MESSAGE_KINDS)
		variant_free(&messages[kind].body, body);
}

void message_encode(struct buf *b, enum message_kind kind, const void *body)
{
	variant_encode(&messages[kind].body, b, body);
}

int request_decode(const char *text, size_t len, struct request *r, struct problem *p)
{
	*r = (struct request){ .text = text, .text_len = len };
	return message_decode(MESSAGE_REQUEST, text, len, &r->kind, &r->body, p);
}

void request_free(struct request *r)
{
	message_free(r->kind, &r->body);
}

int answer_decode(const char *text, size_t len, struct answer *a, struct problem *p)
{
	*a = (struct answer){ 0 };
	return message_decode(MESSAGE_ANSWER, text, len, &a->kind, &a->body, p);
}

void answer_free(struct answer *a)
{
	message_free(a->kind, &a->body);
}

/* The body is still arriving. Its start, {"NAME": with any white space, is enough to decide. */
bool message_is_large(const char *start, size_t len)
{
	char name[MESSAGE_NAME_ROOM];
	size_t n = 0, marks = 0;

	for (size_t i = 0; i < len && marks < 2; i++) {
		if (start[i] == '"')
			marks++;
		else if (marks == 1 && n < sizeof(name) - 1)
			name[n++] = start[i];
		else if (marks == 1 || strchr("{ \t\r\n", start[i]) == NULL)
			return false;
	}
	name[n] = '\0';
	for (size_t i = 0; marks == 2 && i < REQUEST_KINDS; i++)
		if (messages[i].large && strcmp(messages[i].body.name, name) == 0)
			return true;
	return false;
}

bool message_is_old(enum message_kind kind)
{
	unsigned int dialects = messages[kind].dialects;

	return !(dialects & (DIALECT_V1 | DIALECT_HEAD)) || (dialects & (DIALECT_V7 | DIALECT_V13));
}
