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
	bool failing;  /* the latest write failed, and that was said */
	bool stuck;    /* it could not be rotated, and that was said */
	bool open;     /* it ends within a line */
	bool cut;      /* the rest of which is lost */
	uint64_t lost; /* bytes, since it began to fail */
};

/* Take the file's name and rules from a message. It is opened when there is something to write.
 * None is used where the name is the console's: /dev/stdout and its kin, or a link to one. */
void log_file_init(struct log_file *f, const struct collector_message *m);

/* True if there is a file at all. */
bool log_file_is_used(const struct log_file *f);

/*
 * Append everything of the ring that is behind `shown`. When the file has reached max_size it
 * becomes FILE.1, FILE.1 becomes FILE.2 and so on, up to `keep`, and a new one is begun at a line's
 * start; where that is refused, it grows. What cannot be written is dropped: the first failure in
 * a row is logged behind the service's name, and how much was lost when it is over.
 */
void log_file_append(struct log_file *f, const char *name, struct log_ring *ring);

/* Close it. */
void log_file_close(struct log_file *f);

#endif
