/* SPDX-License-Identifier: MIT */
/* PID 1's side of the log collector: the services' pipes, and the memory of the rings. */
#ifndef SUPERVISOR_COLLECTOR_LINK_H
#define SUPERVISOR_COLLECTOR_LINK_H

#include "supervisor/service.h"

#include <stddef.h>
#include <stdint.h>

/* Make the memory of the rings. Returns 0 or -errno. */
int collector_link_init(struct supervisor *s);

/* Hooks of the collector's service: each new collector gets a new link, and all messages again. */
void collector_link_open(struct service *v);
void collector_link_opened(struct service *v);

/*
 * Make the pipe and the ring of a service if it has none, tell the collector, and open the pipe for
 * one process. `out` and `err` are its standard output and error, which the caller closes. They
 * have open file descriptions of their own, so that flags set by this process (fcntl(2) F_SETFL)
 * reach no other. Size, mode and owner of the pipe are set again, in case an earlier process
 * changed them; the owner is `uid`, so that the program can open /dev/stdout. Returns 0 or -errno.
 */
int output_open(struct service *v, uid_t uid, gid_t gid, int *out, int *err);

/* The service was removed. */
void output_close(struct service *v);

/* The service's process has ended: an unfinished line counts as a line. */
void output_flush(struct service *v);

/*
 * Copy up to `size` bytes of the service's output to `out`, from position `*at`, which is moved to
 * the oldest byte kept. All of them came at about `unix_ms` (milliseconds since 1970; 0: not
 * known). Returns the number of bytes, or -errno.
 */
long output_read(const struct service *v, uint64_t *at, char *out, size_t size, uint64_t *unix_ms);

/* Find where the last `lines` lines begin (0: all that are kept). Returns 0 or -errno. */
int output_find_lines(const struct service *v, uint64_t lines, uint64_t *at);

#endif
