/* SPDX-License-Identifier: MIT */
/* PID 1's side of the log collector: its pipes, the memory of the rings, and the process as a
 * built-in service. */
#ifndef SUPERVISOR_COLLECTOR_LINK_H
#define SUPERVISOR_COLLECTOR_LINK_H

#include "base/loop.h"
#include "base/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service;
struct supervisor;

struct collector_link {
	struct loop_io io;       /* our end; fd -1: no collector */
	int fds[2];              /* what the collector gets: its end, and the memfd */
	int rings;               /* the memfd; -1: none yet */
	uint32_t slots;          /* rings in it */
	struct service *service; /* the collector as a service */
};

/* What a service writes to. The pipe outlives both the service's processes and the collector. */
struct output {
	int read_fd, write_fd; /* -1: not open yet */
	uint32_t slot;         /* number of its ring */
	bool announced;        /* the collector knows of it */
	bool flush;            /* the service has ended since */
};

/* Add the collector to the supervisor as a built-in service. Services may have started before.
 * Returns 0 or -errno. */
int collector_add(struct supervisor *s);

/* Make the pipe and the ring of a service, and tell the collector. Returns 0 or -errno. */
int output_open(struct service *v);

/* The service is no more. */
void output_close(struct service *v);

/* The service's process has ended: what there is of a line is one. */
void output_flush(struct service *v);

/*
 * Copy up to `size` bytes of what the service has written, from position `*at` (moved on to the
 * oldest that is there), to `out`. Returns the number of bytes, or -errno.
 */
long output_read(const struct service *v, uint64_t *at, char *out, size_t size);

/* Where the last `lines` lines begin (0: all that is there). Returns 0 or -errno. */
int output_find_lines(const struct service *v, uint64_t lines, uint64_t *at);

#endif
