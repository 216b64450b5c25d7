/* SPDX-License-Identifier: MIT */
/*
 * The last 60 KiB of a service's output, in memory that PID 1 keeps (a memfd) and the log collector
 * writes. A collector that is killed at any point loses no output, and its successor continues at
 * the same place.
 */
#ifndef SUPERVISOR_LOG_RING_H
#define SUPERVISOR_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_RING_BYTES 65536u /* a power of two: positions wrap by masking */
#define LOG_RING_CHUNK 4096u  /* read at a time */

/* Bytes that can be read: the space for one chunk is cleared before each read(2). */
#define LOG_RING_KEPT (LOG_RING_BYTES - LOG_RING_CHUNK)

/* Positions count all bytes since the service's first start; byte n is at n % LOG_RING_BYTES. */
#define LOG_RING_MARKS    250 /* times that are kept, of the latest bytes */
#define LOG_MARK_BYTES    256 /* between two of them, unless LOG_MARK_LAST_MS have passed */
#define LOG_MARK_FIRST_MS 100
#define LOG_MARK_LAST_MS  1000

/* From position `at` on, bytes came at that time or later (CLOCK_REALTIME, milliseconds). */
struct log_mark {
	uint64_t at, unix_ms;
};

struct log_ring {
	uint64_t head;                /* where the next byte goes */
	uint64_t shown;               /* bytes before this are on the console, or in the log file */
	uint64_t dropped;             /* lines that were not shown */
	uint64_t reading_at, reading; /* a read of `reading` bytes to `reading_at` is under way */
	/* A write of `writing` bytes from `writing_at` to a file of `writing_size` is under way. */
	uint64_t writing_at, writing, writing_size;
	uint64_t marked; /* marks so far; mark n is at n % LOG_RING_MARKS */
	struct log_mark marks[LOG_RING_MARKS];
	char padding[4096 - 9 * sizeof(uint64_t) - LOG_RING_MARKS * sizeof(struct log_mark)];
	char bytes[LOG_RING_BYTES];
};

/*
 * Append the bytes of one read(2) of `fd`, at most LOG_RING_CHUNK. Returns their number, 0 at the
 * end of file, or -errno.
 */
ssize_t log_ring_read(struct log_ring *r, int fd);

/*
 * After a collector was killed, count the bytes of its last read that it had not counted. Works for
 * output without NUL bytes.
 */
void log_ring_recover(struct log_ring *r);

/* `len` bytes from `shown` are about to be written to a file of `size` bytes. */
void log_ring_begin_write(struct log_ring *r, size_t len, uint64_t size);

/* `len` of them were written or given up. */
void log_ring_end_write(struct log_ring *r, size_t len);

/*
 * After a collector was killed, skip the bytes that its last write brought into the file, which has
 * `size` bytes now. Call this only before the first log_ring_begin_write().
 */
void log_ring_recover_write(struct log_ring *r, uint64_t size);

/*
 * Find the next line after `shown`. Returns true with its length in `len` (without newline) and
 * `whole` set when it has a newline. Lines longer than `max` bytes are broken there. An unfinished
 * line is found only with `flush`. Lines that were overwritten before they were shown are skipped
 * and counted in `dropped`.
 */
bool log_ring_next_line(struct log_ring *r, size_t max, bool flush, size_t *len, bool *whole);

/* Copy `len` bytes from position `at`, which must still be kept. */
void log_ring_copy(const struct log_ring *r, uint64_t at, char *out, size_t len);

/*
 * When the byte at `at` came: milliseconds since 1970, or 0 where that is not kept. `until` is the
 * position from which on another time counts, UINT64_MAX: none.
 */
uint64_t log_ring_time(const struct log_ring *r, uint64_t at, uint64_t *until);

/* The oldest position that is kept. */
uint64_t log_ring_oldest(const struct log_ring *r);

/* True if reading can go on at position `at`: it is kept, or the head. */
bool log_ring_has(const struct log_ring *r, uint64_t at);

/* Where the last `lines` lines begin; 0 means all that are kept. */
uint64_t log_ring_last_lines(const struct log_ring *r, uint64_t lines);

#endif
