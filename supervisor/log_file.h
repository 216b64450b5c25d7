/* SPDX-License-Identifier: MIT */
/* A service's log file, appended to and rotated by size. */
#ifndef SUPERVISOR_LOG_FILE_H
#define SUPERVISOR_LOG_FILE_H

#include "supervisor/collector_protocol.h"
#include "supervisor/log_ring.h"

#include <stdbool.h>
#include <sys/types.h>

struct log_file {
	char path[COLLECTOR_PATH_MAX]; /* "": none */
	int fd;                        /* -1: not open */
	uint64_t size, max_size;       /* bytes; max_size 0: never rotated */
	uint32_t keep;
	gid_t group;
	bool failing;     /* the latest write failed, and that was logged */
	bool stuck;       /* rotation failed, and that was logged */
	bool open;        /* the file ends in the middle of a line */
	bool cut;         /* and the rest of that line is lost */
	bool is_new_here; /* was opened, and its end was not looked at yet */
	uint64_t lost;    /* bytes, since writes began to fail */
};

/* Take the file's name and rules from a message. The file is opened when there is something to
 * write. No file is used when the name means the console: /dev/stdout and similar, or a link. */
void log_file_init(struct log_file *f, const struct collector_message *m);

/* True if the service has a log file. */
bool log_file_is_used(struct log_file *f);

/*
 * Append all bytes of the ring after `shown`. At max_size the file becomes FILE.1, FILE.1 becomes
 * FILE.2 and so on, up to `keep`, and a new file begins with a whole line. If that fails, the file
 * keeps growing. Bytes that cannot be written are dropped: the first failure in a row is logged
 * with the service's name, and at the end how many bytes were lost.
 */
void log_file_append(struct log_file *f, const char *name, struct log_ring *ring);

/* Close it. */
void log_file_close(struct log_file *f);

#endif
