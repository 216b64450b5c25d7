/* SPDX-License-Identifier: MIT */
/* The detail of an acknowledgement: what was done and what failed, in one line of text. */
#ifndef AGENT_REQUESTS_ACK_DETAIL_H
#define AGENT_REQUESTS_ACK_DETAIL_H

#include "base/buf.h"
#include "protocol/messages.h"

#include <stdbool.h>

#define DETAIL_MAX 2048 /* bytes of a detail; a piece that does not fit is left out */

struct ack_detail {
	char text[DETAIL_MAX];
	struct buf b; /* over `text`, without its last bytes */
	bool failed;  /* something failed */
};

/* Start empty. The struct must not move in memory afterwards. */
void ack_detail_init(struct ack_detail *d);

/* Add a piece of text, after "; " if it is not the first. */
void ack_detail_add(struct ack_detail *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The text, or NULL if it is empty. */
char *ack_detail_text(const struct ack_detail *d);

/* Append an acknowledgement of this kind (struct ack_answer). `d` may be NULL: no detail. */
void ack_detail_write(
	const struct ack_detail *d, struct buf *b, enum message_kind kind, bool success);

#endif
