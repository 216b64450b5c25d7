/* SPDX-License-Identifier: MIT */
/*
 * The last 60 KiB of a service's output, in memory that PID 1 keeps (a memfd) and the log collector
 * writes: a collector that is killed at any point loses nothing of it, and its successor goes on
 * where it was.
 */
#ifndef SUPERVISOR_LOG_RING_H
#define SUPERVISOR_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_RING_BYTES 65536u /* a power of two: positions go round by masking */
#define LOG_RING_CHUNK 4096u  /* read at a time */

/* Bytes that are there to be read: the place of a chunk is cleared before it is known to come. */
#define LOG_RING_KEPT (LOG_RING_BYTES - LOG_RING_CHUNK)

/* Positions count all bytes since the service's first start; byte n is at n % LOG_RING_BYTES. */
struct log_ring {
	uint64_t head;                /* where the next byte goes */
	uint64_t shown;               /* up to here it is on the console, or in the log file */
	uint64_t dropped;             /* lines that never got there */
	uint64_t reading_at, reading; /* a read of so many bytes to there is under way */
	/* A write of so many bytes from there is under way, to a file that had `writing_size`. */
	uint64_t writing_at, writing, writing_size;
	char padding[4096 - 8 * sizeof(uint64_t)];
	char bytes[LOG_RING_BYTES];
};

/*
 * Append what can be read from `fd` at once, LOG_RING_CHUNK bytes at most. Returns the number of
 * bytes, 0 at the end of file, or -errno.
 */
ssize_t log_ring_read(struct log_ring *r, int fd);

/*
 * After a collector was killed: bytes that its last read had brought but that were not counted yet
 * are taken in. Works for output without NUL bytes.
 */
void log_ring_recover(struct log_ring *r);

/* Bytes from `shown` are about to be written to a file of `size` bytes, */
void log_ring_begin_write(struct log_ring *r, size_t len, uint64_t size);

/* and `len` of them are written, or given up. */
void log_ring_end_write(struct log_ring *r, size_t len);

/*
 * After a collector was killed: what its last write has brought into the file, which has `size`
 * bytes now, is not written again. Only to be called before the first log_ring_begin_write().
 */
void log_ring_recover_write(struct log_ring *r, uint64_t size);

/*
 * Find the next line behind `shown`. Returns true with its length in `len` (newline not counted)
 * and `whole` set when its newline is there. A line of `max` bytes or more is broken there; a line
 * without its end is found only with `flush`. What was overwritten before it was shown is skipped,
 * and counted in `dropped`.
 */
bool log_ring_next_line(struct log_ring *r, size_t max, bool flush, size_t *len, bool *whole);

/* Copy `len` bytes from position `at`, which must still be there. */
void log_ring_copy(const struct log_ring *r, uint64_t at, char *out, size_t len);

/* The oldest position that is still there. */
uint64_t log_ring_oldest(const struct log_ring *r);

/* Can reading go on at position `at`: is it still there, or the head? */
bool log_ring_has(const struct log_ring *r, uint64_t at);

/* Where the last `lines` lines begin; 0 means all that is there. */
uint64_t log_ring_last_lines(const struct log_ring *r, uint64_t lines);

#endif
