/* SPDX-License-Identifier: MIT */
/* Why there is no answer from a target, in words for people and as a name for programs. */
#ifndef PROBE_WIRE_FAILURE_H
#define PROBE_WIRE_FAILURE_H

#include <stdbool.h>

#define FAILURE_TEXT_MAX 600

/* The program's exit statuses. A larger one is worse. */
enum exit_status {
	EXIT_HEALTHY = 0,   /* all is well, or done as asked */
	EXIT_UNHEALTHY = 1, /* the guest answered, and something in it is not well or was refused */
	EXIT_USAGE = 2,     /* the command line cannot be understood */
	EXIT_NO_ANSWER = 3, /* no answer that can be used */
	EXIT_CRITICAL = 4,  /* inspect and doctor: the guest does not do its work */
	EXIT_NOT_RUN = 125, /* exec only, whose command may end with any of the others */
};

enum failure_kind {
	FAILURE_NONE,
	FAILURE_NO_SOCKET,    /* nothing at that path */
	FAILURE_NOT_SOCKET,   /* something else at that path */
	FAILURE_DENIED,       /* no permission */
	FAILURE_REFUSED,      /* nobody accepts connections: no VMM, or no such guest */
	FAILURE_NO_LISTENER,  /* the VM runs, and nothing listens on the port */
	FAILURE_HANDSHAKE,    /* the socket's owner speaks something else */
	FAILURE_CLOSED,       /* closed in the middle */
	FAILURE_TIMEOUT,      /* not within the time */
	FAILURE_TOO_LARGE,    /* a frame above the protocol's limit */
	FAILURE_UNDECODABLE,  /* an answer that is no message, or not the expected one */
	FAILURE_ERROR_ANSWER, /* the agent answered with an error */
	FAILURE_SYSTEM,       /* this machine's fault: no memory, no descriptors ... */
	FAILURE_KINDS,
};

struct failure {
	enum failure_kind kind;
	char text[FAILURE_TEXT_MAX]; /* safe to show */
};

/*
 * Describe a failure, unless `f` holds one already: the first one is the cause. What comes from
 * elsewhere must have gone through text_put_visible().
 */
void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The name of a kind, as in JSON output: "timeout", "not-listening" ... */
const char *failure_name(enum failure_kind kind);

/* The exit status that stands for it. */
enum exit_status failure_exit(enum failure_kind kind);

/* Can it not go away by waiting? */
bool failure_is_final(enum failure_kind kind);

#endif
