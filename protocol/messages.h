/* SPDX-License-Identifier: MIT */
/*
 * The messages that hosts, guests and mvm-probe exchange: one table, in messages.c, is the place
 * where each has its name, its fields and who knows it. mvm-protocol(7) is printed from it.
 *
 * To add a message: a row there, a handler in agent/requests/handlers.c, a verb of the probe; and
 * vectors in tests/vectors/messages.json.
 */
#ifndef PROTOCOL_MESSAGES_H
#define PROTOCOL_MESSAGES_H

#include "protocol/bodies.h"
#include "protocol/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum message_kind {
	/* Requests of the host. */
	REQUEST_PING,
	REQUEST_WORKER_STATUS,
	REQUEST_INTEGRATION_STATUS,
	REQUEST_PROBE_STATUS,
	REQUEST_WAKE,
	REQUEST_POST_RESTORE,
	REQUEST_SLEEP_PREP,
	REQUEST_CHECKPOINT_INTEGRATIONS,
	REQUEST_EXEC,
	REQUEST_FS_DIFF,
	REQUEST_START_PORT_FORWARD,
	REQUEST_CONSOLE_OPEN,
	REQUEST_CONSOLE_RESIZE,
	REQUEST_CONSOLE_CLOSE,
	REQUEST_RUN_ENTRYPOINT,
	REQUEST_ENTRYPOINT_STATUS,
	REQUEST_FS_READ,
	REQUEST_FS_WRITE,
	REQUEST_FS_LIST,
	REQUEST_FS_STAT,
	REQUEST_FS_MKDIR,
	REQUEST_FS_REMOVE,
	REQUEST_FS_MOVE,
	REQUEST_PROC_START,
	REQUEST_PROC_LIST,
	REQUEST_PROC_SIGNAL,
	REQUEST_PROC_SEND_INPUT,
	REQUEST_PROC_WAIT,
	REQUEST_PROC_KILL,
	REQUEST_MOUNT_VOLUME,
	REQUEST_UNMOUNT_VOLUME,
	REQUEST_UPDATE_IDLE_TIMEOUT,
	REQUEST_RUN_CODE,
	REQUEST_PROTOCOL_HELLO,
	REQUEST_READINESS_STATUS,
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

	/* What the guest answers. */
	ANSWER_FIRST = REQUEST_KINDS,
	ANSWER_PONG = ANSWER_FIRST,
	ANSWER_WORKER_STATUS,
	ANSWER_INTEGRATION_STATUS,
	ANSWER_PROBE_STATUS,
	ANSWER_WAKE,
	ANSWER_POST_RESTORE,
	ANSWER_SLEEP_PREP,
	ANSWER_CHECKPOINT,
	ANSWER_EXEC,
	ANSWER_ERROR,
	ANSWER_FS_DIFF,
	ANSWER_PORT_FORWARD_STARTED,
	ANSWER_CONSOLE_OPENED,
	ANSWER_CONSOLE_RESIZED,
	ANSWER_CONSOLE_EXITED,
	ANSWER_ENTRYPOINT_EVENT,
	ANSWER_ENTRYPOINT_STATUS,
	ANSWER_FS_RESULT,
	ANSWER_PROC_RESULT,
	ANSWER_PROC_WAIT_EVENT,
	ANSWER_VOLUME_MOUNT,
	ANSWER_UPDATE_IDLE_TIMEOUT,
	ANSWER_PROTOCOL_HELLO_ACK,
	ANSWER_PROTOCOL_MISMATCH,
	ANSWER_UNSUPPORTED_IN_PROFILE,
	ANSWER_READINESS_STATUS,
	ANSWER_HELLO,
	ANSWER_SERVICES,
	ANSWER_LOGS,
	ANSWER_BOOT_TIMELINE,
	ANSWER_METRICS,
	ANSWER_RESTART,
	ANSWER_SHUTDOWN,
	ANSWER_EVENTS,
	ANSWER_RELOAD,

	/* Requests of the guest to the host, and what the host answers. */
	HOST_REQUEST_FIRST,
	HOST_REQUEST_WAKE_INSTANCE = HOST_REQUEST_FIRST,
	HOST_REQUEST_QUERY_INSTANCE_STATUS,
	HOST_REQUEST_QUERY_HOST_TIME,
	HOST_ANSWER_FIRST,
	HOST_ANSWER_WAKE = HOST_ANSWER_FIRST,
	HOST_ANSWER_INSTANCE_STATUS,
	HOST_ANSWER_HOST_TIME,
	HOST_ANSWER_ERROR,

	MESSAGE_KINDS,
};

enum message_direction {
	MESSAGE_REQUEST,      /* host to guest */
	MESSAGE_ANSWER,       /* guest to host */
	MESSAGE_HOST_REQUEST, /* guest to host, on the host's port */
	MESSAGE_HOST_ANSWER,
	MESSAGE_DIRECTIONS,
};

/* Who knows a message; bits. */
enum message_dialect {
	DIALECT_V7 = 1,    /* mvm 0.7 */
	DIALECT_V13 = 2,   /* mvm 0.8 to 0.13 */
	DIALECT_V1 = 4,    /* mvm v1-final */
	DIALECT_HEAD = 8,  /* mvm 0.14 */
	DIALECT_OURS = 16, /* mvm-probe */
	DIALECTS_ALL = 31,
};

/* What a request needs the security policy to allow: agent/requests/policy.h. */
enum message_access {
	ACCESS_FREE, /* nothing */
	ACCESS_EXEC,
	ACCESS_CONSOLE,
	ACCESS_DEV, /* other things that give a host the run of the guest */
};

#define MESSAGE_ANSWERS_MAX 4

/* One row of the table. */
struct message {
	struct variant body; /* name and content */
	uint8_t direction;   /* enum message_direction */
	uint8_t dialects;    /* bits of enum message_dialect */
	uint8_t access;      /* enum message_access */
	/* Requests: */
	bool large;  /* its frame may have up to PROTOCOL_REQUEST_MAX bytes */
	bool stream; /* answered by several frames */
	/* enum message_kind, beside Error; ends with a request's kind */
	uint8_t answers[MESSAGE_ANSWERS_MAX];
	const char *capability; /* the name that ProtocolHello has for it, or NULL */
	const char *example;    /* its JSON; in a release NULL for one with fields */
};

extern const struct message messages[MESSAGE_KINDS];

struct request {
	enum message_kind kind;
	union request_body body;
};

struct answer {
	enum message_kind kind;
	union answer_body body;
};

/* The name of a message on the wire, such as "SleepPrep". */
const char *message_name(enum message_kind kind);

/*
 * Decode a message of one direction: `body` must be zeroed. Returns 0; or -EINVAL with `p` for text
 * that is no such message; or -ENOMEM. `kind` is MESSAGE_KINDS when it has no name that is known;
 * otherwise message_free() frees what `body` holds, also after an error.
 */
int message_decode(enum message_direction direction, const char *text, size_t len,
	enum message_kind *kind, void *body, struct problem *p);

void message_free(enum message_kind kind, void *body);

/* Append a message. `body` is the struct of bodies.h for it, NULL for one without fields. */
void message_encode(struct buf *b, enum message_kind kind, const void *body);

/*
 * For a message whose body is written by hand because it is long: append {"NAME": and then, after
 * the body, the end.
 */
void message_begin(struct buf *b, enum message_kind kind);
void message_end(struct buf *b);

/* Decode a request as message_decode() does. request_free() frees it, also after an error. */
int request_decode(const char *text, size_t len, struct request *r, struct problem *p);
void request_free(struct request *r);

/* The same for an answer of the guest. */
int answer_decode(const char *text, size_t len, struct answer *a, struct problem *p);
void answer_free(struct answer *a);

/* True if a frame whose body begins with these `len` bytes is a request that may be large. */
bool message_is_large(const char *start, size_t len);

/* True unless mvm has the message, but only after 0.13: it is not for the old port then. */
bool message_is_old(enum message_kind kind);

/* Bytes of a body's start that message_is_large() needs. */
#define MESSAGE_NAME_ROOM 32

#endif
