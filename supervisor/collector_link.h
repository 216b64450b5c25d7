/* SPDX-License-Identifier: MIT */
/* PID 1's side of the log collector: the services' pipes, and the memory of the rings. */
#ifndef SUPERVISOR_COLLECTOR_LINK_H
#define SUPERVISOR_COLLECTOR_LINK_H

#include "supervisor/service.h"

#include <stddef.h>
#include <stdint.h>

/* Make the memory of the rings. Returns 0 or -errno. */
int collector_link_init(struct supervisor *s);

/* Hooks of the collector's service: a new link for each collector, over which everything is told
 * again. */
void collector_link_open(struct service *v);
void collector_link_opened(struct service *v);

/*
 * Make the pipe and the ring of a service when there are none yet, tell the collector, and open the
 * pipe for one process. `out` and `err` are its standard output and error: descriptors of their
 * own, so that no flag that this process sets (fcntl(2) F_SETFL) is seen by another one. The caller
 * closes them. What an earlier process did to the pipe itself, its size, mode and owner, is undone;
 * the owner becomes `uid`, so that the program can open /dev/stdout. Returns 0 or -errno.
 */
int output_open(struct service *v, uid_t uid, gid_t gid, int *out, int *err);

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
