/* SPDX-License-Identifier: MIT */
/*
 * The messages of mvm-protocol(7), as both ends see them. A message is JSON in one of two forms: a
 * string "NAME" (or {"NAME":null}) for one without fields, and {"NAME":{...}} for one with fields.
 */
#ifndef PROTOCOL_MESSAGES_H
#define PROTOCOL_MESSAGES_H

#include "protocol/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum request_kind {
	REQUEST_PING,
	REQUEST_WORKER_STATUS,
	REQUEST_INTEGRATION_STATUS,
	REQUEST_PROBE_STATUS,
	REQUEST_WAKE,
	REQUEST_POST_RESTORE,
	REQUEST_SLEEP_PREP,
	REQUEST_CHECKPOINT_INTEGRATIONS,
	REQUEST_EXEC,
	/* Ours; hosts of mvm never send them. */
	REQUEST_HELLO,
	REQUEST_SERVICES,
	REQUEST_LOGS,
	REQUEST_BOOT_TIMELINE,
	REQUEST_METRICS,
	REQUEST_RESTART,
	REQUEST_SHUTDOWN,
	REQUEST_EVENTS,
	REQUEST_RELOAD,
	REQUEST_KINDS,
};

struct sleep_prep {
	uint64_t drain_timeout_secs;
};

struct checkpoint_integrations {
	struct field_list integrations; /* char *: names */
};

struct exec_request {
	char *command;
	struct field_bytes stdin_bytes;
	uint64_t timeout_secs;
	bool has_timeout;
};

struct logs_request {
	char *service;
	uint64_t lines;    /* the last ones, at most; 0: all that are kept */
	uint64_t position; /* what came since, when `has_position` */
	bool has_position;
};

struct restart_request {
	char *service;
};

struct shutdown_request {
	bool power_off;
};

struct events_request {
	char *service;      /* of this one only; or NULL */
	uint64_t position;  /* from this number on; 0: all that are kept */
	uint64_t wait_secs; /* for one to come, when there is none */
};

struct request {
	enum request_kind kind;
	union {
		struct sleep_prep sleep_prep;
		struct checkpoint_integrations checkpoint;
		struct exec_request exec;
		struct logs_request logs;
		struct restart_request restart;
		struct shutdown_request shutdown;
		struct events_request events;
	} body;
};

/* One row of a table of messages. */
struct message_type {
	const char *name;
	const struct fields *fields; /* NULL: a message without fields */
};

/*
 * Find which of `count` messages `text` is, and decode its fields into `out`, which must be zeroed.
 * Returns 0 and the row's number in `index`; or -EINVAL with `p` for text that is no such message;
 * or -ENOMEM.
 */
int message_decode(const struct message_type *types, size_t count, const char *text, size_t len,
	size_t *index, void *out, struct problem *p);

/* Decode a request as message_decode() does. request_free() frees it, also after an error. */
int request_decode(const char *text, size_t len, struct request *r, struct problem *p);

void request_free(struct request *r);

/* The name of a request on the wire, such as "SleepPrep". */
const char *request_name(enum request_kind kind);

#endif
