/* SPDX-License-Identifier: MIT */
/* The detail of an acknowledgement: what was done and what went wrong, in one line of words. */
#ifndef AGENT_REQUESTS_ACK_DETAIL_H
#define AGENT_REQUESTS_ACK_DETAIL_H

#include "base/buf.h"
#include "protocol/messages.h"

#include <stdbool.h>

#define DETAIL_MAX 2048 /* bytes of a detail; what does not fit is left out */

struct ack_detail {
	char text[DETAIL_MAX];
	struct buf b; /* over `text`, without its last bytes */
	bool failed;  /* something went wrong */
};

/* Begin without words and failures. The struct must not move afterwards. */
void ack_detail_init(struct ack_detail *d);

/* Add a piece, with "; " in front of it where there is one before. */
void ack_detail_add(struct ack_detail *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The words, or NULL when there are none. */
char *ack_detail_text(const struct ack_detail *d);

/* Append an acknowledgement of this kind (struct ack_answer). `d` may be NULL: no words. */
void ack_detail_write(
	const struct ack_detail *d, struct buf *b, enum message_kind kind, bool success);

#endif
