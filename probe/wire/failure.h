/* SPDX-License-Identifier: MIT */
/* Why a target gave no answer: a text for people, a name for programs. */
#ifndef PROBE_WIRE_FAILURE_H
#define PROBE_WIRE_FAILURE_H

#include <stdbool.h>

#define FAILURE_TEXT_MAX 600

/* The program's exit statuses. A larger one is worse. */
enum exit_status {
	EXIT_HEALTHY = 0,   /* healthy, or done */
	EXIT_UNHEALTHY = 1, /* the guest answered, but is unhealthy or refused */
	EXIT_USAGE = 2,     /* bad command line */
	EXIT_NO_ANSWER = 3, /* no usable answer */
	EXIT_CRITICAL = 4,  /* inspect and doctor: a service of the guest does not run */
	EXIT_NOT_RUN = 125, /* exec only: the command itself may end with any other status */
};

enum failure_kind {
	FAILURE_NONE,
	FAILURE_NO_SOCKET,    /* nothing at that path */
	FAILURE_NOT_SOCKET,   /* something else at that path */
	FAILURE_DENIED,       /* no permission */
	FAILURE_REFUSED,      /* nothing accepts connections: no VMM, or no such guest */
	FAILURE_NO_LISTENER,  /* the VM runs, but nothing listens on the port */
	FAILURE_HANDSHAKE,    /* the socket's owner speaks another protocol */
	FAILURE_CLOSED,       /* closed before the answer was complete */
	FAILURE_TIMEOUT,      /* not in time */
	FAILURE_TOO_LARGE,    /* a frame above the protocol's limit */
	FAILURE_UNDECODABLE,  /* the answer is not a message, or not the expected one */
	FAILURE_ERROR_ANSWER, /* the agent answered with an error */
	FAILURE_SYSTEM,       /* a failure of this machine: no memory, no descriptors ... */
	FAILURE_KINDS,
};

struct failure {
	enum failure_kind kind;
	char text[FAILURE_TEXT_MAX]; /* safe to show */
};

/*
 * Set a failure, unless `f` already has one: the first is the cause. Pass text from outside through
 * text_put_visible() first.
 */
void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The name of a kind, as in JSON output: "timeout", "not-listening" ... */
const char *failure_name(enum failure_kind kind);

/* The exit status for a kind of failure. */
enum exit_status failure_exit(enum failure_kind kind);

/* True if waiting cannot help. */
bool failure_is_final(enum failure_kind kind);

#endif
