/* SPDX-License-Identifier: MIT */
/*
 * The messages between hosts, guests and mvm-probe. One table, in messages.c, has the name, the
 * fields and the dialects of each; the tables of mvm-protocol(7) are generated from it.
 *
 * To add a message, add a row to that table, a handler to agent/requests/handlers.c, a verb to the
 * probe, and vectors to tests/vectors/messages.json.
 */
#ifndef PROTOCOL_MESSAGES_H
#define PROTOCOL_MESSAGES_H

#include "protocol/bodies.h"
#include "protocol/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum message_kind {
	/* Requests of the host to the guest. */
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
	/* Requests of mvm-probe; mvm's hosts never send them. */
	REQUEST_HELLO,
	REQUEST_SERVICES,
	REQUEST_LOGS,
	REQUEST_BOOT_TIMELINE,
	REQUEST_METRICS,
	REQUEST_RESTART,
	REQUEST_SHUTDOWN,
	REQUEST_EVENTS,
	REQUEST_RELOAD,
	REQUEST_RELOAD_SERVICE,
	REQUEST_FS_HASH,
	REQUEST_FS_SET_ATTRIBUTES,
	REQUEST_KINDS,

	/* Answers of the guest. */
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
	ANSWER_RELOAD_SERVICE,

	/* Requests of the guest to the host, and the host's answers. */
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
	MESSAGE_HOST_REQUEST, /* guest to host, to the host's port */
	MESSAGE_HOST_ANSWER,  /* host to guest */
	MESSAGE_DIRECTIONS,
};

/* The programs that know a message; bits. */
enum message_dialect {
	DIALECT_V7 = 1,    /* mvm 0.7 */
	DIALECT_V13 = 2,   /* mvm 0.8 to 0.13 */
	DIALECT_V1 = 4,    /* mvm v1-final */
	DIALECT_HEAD = 8,  /* mvm 0.14 */
	DIALECT_OURS = 16, /* mvm-probe */
	DIALECTS_ALL = 31,
};

/* What the security policy must allow before a request is served (agent/requests/policy.h). */
enum message_access {
	ACCESS_FREE, /* nothing */
	ACCESS_EXEC,
	ACCESS_CONSOLE,
	ACCESS_DEV, /* files, processes, ports: whatever else gives a host control of the guest */
};

#define MESSAGE_ANSWERS_MAX 4

/* One row of the table. */
struct message {
	struct variant body; /* name and fields */
	uint8_t direction;   /* enum message_direction */
	uint8_t dialects;    /* bits of enum message_dialect */
	uint8_t access;      /* enum message_access */
	/* Requests: */
	bool large;  /* a frame may have up to PROTOCOL_REQUEST_MAX bytes */
	bool stream; /* answered by several frames */
	/* enum message_kind; besides Error; a request's kind (0) ends the list */
	uint8_t answers[MESSAGE_ANSWERS_MAX];
	const char *capability; /* its name in ProtocolHello's lists; NULL: none */
	const char *example;    /* JSON; may be NULL in a release: see EXAMPLE() */
};

extern const struct message messages[MESSAGE_KINDS];

struct request {
	enum message_kind kind;
	union request_body body;
	const char *text; /* what was decoded, the caller's */
	size_t text_len;
};

struct answer {
	enum message_kind kind;
	union answer_body body;
};

/* The name of a message on the wire, such as "SleepPrep". */
const char *message_name(enum message_kind kind);

/*
 * Decode a message of one direction into `body`, which must be zeroed. Returns 0, or -EINVAL with
 * `p` if the text is no such message, or -ENOMEM. `kind` becomes MESSAGE_KINDS if the name is
 * unknown. Otherwise message_free() must free what `body` holds, also after an error.
 */
int message_decode(enum message_direction direction, const char *text, size_t len,
	enum message_kind *kind, void *body, struct problem *p);

void message_free(enum message_kind kind, void *body);

/* Append a message. `body` is its struct from bodies.h; NULL for a message without fields. */
void message_encode(struct buf *b, enum message_kind kind, const void *body);

/* As message_decode(), for a request. request_free() frees the request, also after an error. */
int request_decode(const char *text, size_t len, struct request *r, struct problem *p);
void request_free(struct request *r);

/* The same for an answer of the guest. */
int answer_decode(const char *text, size_t len, struct answer *a, struct problem *p);
void answer_free(struct answer *a);

/* True if a body that begins with these `len` bytes is a request that may be large. */
bool message_is_large(const char *start, size_t len);

/* True if the old port (52) may list the message: mvm 0.13 or older has it, or mvm never had it. */
bool message_is_old(enum message_kind kind);

/* Bytes from a body's start that message_is_large() needs. */
#define MESSAGE_NAME_ROOM 32

#endif
