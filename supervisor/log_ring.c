/* SPDX-License-Identifier: MIT */
#include "supervisor/log_ring.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MASK (LOG_RING_BYTES - 1)

_Static_assert((LOG_RING_BYTES & MASK) == 0, "a power of two");
_Static_assert(sizeof(struct log_ring) == 4096 + LOG_RING_BYTES, "the bytes begin on a page");

static size_t contiguous(uint64_t at, size_t max)
{
	size_t left = LOG_RING_BYTES - (size_t)(at & MASK);

	return left < max ? left : max;
}

/* Keeps the compiler from moving stores: a collector that is killed between two of them must leave
 * the marks in this order. */
static void barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Bytes have come at `at`: note the time, but not so often that marks end before the bytes do. */
static void note_time(struct log_ring *r, uint64_t at)
{
	struct log_mark *last = &r->marks[(r->marked + LOG_RING_MARKS - 1) % LOG_RING_MARKS];
	uint64_t now_ms, passed_ms;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	passed_ms = now_ms - last->unix_ms; /* large where the clock was set back */
	if (r->marked > 0 &&
		(passed_ms < LOG_MARK_FIRST_MS ||
			(passed_ms < LOG_MARK_LAST_MS && at - last->at < LOG_MARK_BYTES)))
		return;
	r->marks[r->marked % LOG_RING_MARKS] = (struct log_mark){ at, now_ms };
	barrier();
	r->marked++;
}

uint64_t log_ring_time(const struct log_ring *r, uint64_t at, uint64_t *until)
{
	uint64_t marked = *(const volatile uint64_t *)&r->marked; /* the collector goes on */
	uint64_t first = marked > LOG_RING_MARKS ? marked - LOG_RING_MARKS : 0;
	uint64_t time = 0;

	*until = UINT64_MAX;
	for (uint64_t n = first; n < marked; n++) {
		const struct log_mark *m = &r->marks[n % LOG_RING_MARKS];

		if (m->at > at) {
			*until = m->at;
			break;
		}
		time = m->unix_ms;
	}
	return time;
}

ssize_t log_ring_read(struct log_ring *r, int fd)
{
	size_t room = contiguous(r->head, LOG_RING_CHUNK);
	char *target = r->bytes + (r->head & MASK);
	ssize_t n;

	memset(target, 0, room);
	r->reading_at = r->head;
	barrier();
	r->reading = room;
	barrier();
	n = read(fd, target, room);
	if (n > 0) {
		note_time(r, r->head);
		barrier();
		r->head += (uint64_t)n;
	}
	barrier();
	r->reading = 0;
	return n < 0 ? -errno : n;
}

void log_ring_recover(struct log_ring *r)
{
	if (r->reading > 0 && r->reading <= LOG_RING_CHUNK && r->reading_at == r->head) {
		const char *bytes = r->bytes + (r->head & MASK);
		size_t n = contiguous(r->head, (size_t)r->reading);

		while (n > 0 && bytes[n - 1] == '\0')
			n--;
		r->head += n;
	}
	r->reading = 0;
}

void log_ring_begin_write(struct log_ring *r, size_t len, uint64_t size)
{
	r->writing_at = r->shown;
	r->writing_size = size;
	barrier();
	r->writing = len;
	barrier();
}

void log_ring_end_write(struct log_ring *r, size_t len)
{
	barrier();
	r->shown += len;
	barrier();
	r->writing = 0;
}

void log_ring_recover_write(struct log_ring *r, uint64_t size)
{
	if (r->writing_at == r->shown && size > r->writing_size) {
		uint64_t written = size - r->writing_size;

		r->shown += written < r->writing ? written : r->writing;
	}
	r->writing = 0;
}

uint64_t log_ring_oldest(const struct log_ring *r)
{
	return r->head > LOG_RING_KEPT ? r->head - LOG_RING_KEPT : 0;
}

bool log_ring_has(const struct log_ring *r, uint64_t at)
{
	return at >= log_ring_oldest(r) && at <= r->head;
}

/* Bytes from `at` to the next newline, or to the head, but at most `max`. */
static size_t line_length(const struct log_ring *r, uint64_t at, size_t max, bool *whole)
{
	size_t len = 0;

	*whole = false;
	while (at + len < r->head && len < max) {
		if (r->bytes[(at + len) & MASK] == '\n') {
			*whole = true;
			break;
		}
		len++;
	}
	return len;
}

/*
 * When the collector was behind by more than the ring holds, skip the overwritten bytes and the
 * rest of the line that lost its beginning. Do the same for a mark ahead of the head, which only a
 * corrupted collector leaves: its successor would never finish.
 */
static void skip_overwritten(struct log_ring *r)
{
	bool whole;

	if (log_ring_has(r, r->shown))
		return;
	r->shown = log_ring_oldest(r);
	r->shown += line_length(r, r->shown, LOG_RING_KEPT, &whole);
	r->shown += whole;
	r->dropped++;
}

bool log_ring_next_line(struct log_ring *r, size_t max, bool flush, size_t *len, bool *whole)
{
	skip_overwritten(r);
	if (r->shown == r->head)
		return false;
	*len = line_length(r, r->shown, max, whole);
	return *whole || *len == max || flush;
}

void log_ring_copy(const struct log_ring *r, uint64_t at, char *out, size_t len)
{
	size_t first = contiguous(at, len);

	memcpy(out, r->bytes + (at & MASK), first);
	memcpy(out + first, r->bytes, len - first);
}

uint64_t log_ring_last_lines(const struct log_ring *r, uint64_t lines)
{
	uint64_t oldest = log_ring_oldest(r), at = r->head;

	if (lines == 0)
		return oldest;
	if (at > oldest && r->bytes[(at - 1) & MASK] == '\n')
		at--; /* the newline at the end does not begin another line */
	while (at > oldest && (r->bytes[(at - 1) & MASK] != '\n' || --lines > 0))
		at--;
	return at;
}
