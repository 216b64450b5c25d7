/* SPDX-License-Identifier: MIT */
/*
 * The memory of a service's output. An input with an even first byte is what happens to it:
 * output comes, lines are shown or written to a file, and the collector is killed on the way.
 * Nothing of it may be lost or come twice. Any other is a ring that somebody has overwritten:
 * PID 1 only looks at it, and a collector comes to its end.
 */
#include "supervisor/log_ring.h"
#include "tests/fuzz/rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAM_MAX  (4 * LOG_RING_BYTES)
#define COPY_MAX    960 /* bytes that PID 1 takes at a time */
#define STEPS_MAX   96
#define HEADER_SIZE (8 * sizeof(uint64_t))

static struct log_ring ring;
static int ends[2];

/* All that the service has written. */
static char stream[STREAM_MAX];
static size_t written;

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- what happens -----------------------------------------------------------------------------
 */

/* The service writes `len` bytes, with a newline among about as many as `spread`. */
static void write_output(size_t len, unsigned int spread)
{
	len = least(len, STREAM_MAX - written);
	for (size_t i = written; i < written + len; i++)
		stream[i] = i * 2654435761u % (spread + 1) == 0 ? '\n' : (char)('a' + i % 26);
	require(write(ends[1], stream + written, len) == (ssize_t)len, "a pipe is full");
	written += len;
}

static void take_output(void)
{
	while (log_ring_read(&ring, ends[0]) > 0)
		;
	require(ring.head == written, "output is lost");
}

/* A collector that is killed right behind its read(2), or when that is counted. */
static void die_reading(bool counted)
{
	uint64_t head = ring.head;
	size_t room = least(LOG_RING_BYTES - head % LOG_RING_BYTES, LOG_RING_CHUNK);

	if (log_ring_read(&ring, ends[0]) > 0) {
		ring.head = counted ? ring.head : head;
		ring.reading_at = head;
		ring.reading = room;
	}
	log_ring_recover(&ring);
	take_output();
}

static void check_bytes(uint64_t at, size_t len)
{
	static char copy[LOG_RING_BYTES];

	require(at + len <= written && len <= sizeof(copy), "more than there is");
	log_ring_copy(&ring, at, copy, len);
	require(memcmp(copy, stream + at, len) == 0, "other output");
}

static void show(size_t max, bool flush)
{
	uint64_t oldest = log_ring_oldest(&ring), dropped = ring.dropped, before = ring.shown;
	bool whole, late = before < oldest, begun = false;
	size_t len;

	for (; log_ring_next_line(&ring, max, flush, &len, &whole); begun = true) {
		require(begun || late || ring.shown == before, "a line is passed over");
		require(!late || begun || stream[ring.shown - 1] == '\n', "the rest of a line");
		require(len <= max && (whole || flush || len == max), "a line that is none");
		check_bytes(ring.shown, len);
		require(memchr(stream + ring.shown, '\n', len) == NULL, "two lines as one");
		require(!whole || stream[ring.shown + len] == '\n', "an end that is none");
		ring.shown += len + whole;
	}
	require(ring.dropped == dropped + late, "a gap is not counted");
	require(!flush || ring.shown == written, "flushed, but not all");
	require(memchr(stream + ring.shown, '\n', written - ring.shown) == NULL, "a line is left");
}

/* A collector that is killed when `part` of what it was to write has reached the file, or when that
 * is counted. */
static void die_writing(size_t len, size_t part, bool counted)
{
	uint64_t oldest = log_ring_oldest(&ring);

	if (ring.shown < oldest)
		ring.shown = oldest;
	oldest = ring.shown;
	len = least(len, written - ring.shown);
	part = least(part, len);
	log_ring_begin_write(&ring, len, 1000);
	if (counted) {
		log_ring_end_write(&ring, part);
		ring.writing = len;
	}
	log_ring_recover(&ring);
	log_ring_recover_write(&ring, 1000 + part);
	require(ring.shown == oldest + part, "written twice, or never");
}

static void check_last_lines(uint64_t lines)
{
	uint64_t oldest = log_ring_oldest(&ring), at = log_ring_last_lines(&ring, lines), count = 0;

	require(at >= oldest && at <= written, "lines that are not there");
	if (lines == 0) {
		require(at == oldest, "all is not all");
		return;
	}
	for (uint64_t i = at; i < written; i++)
		count += stream[i] == '\n' || i + 1 == written;
	require(count <= lines && (count == lines || at == oldest), "more lines, or fewer");
	require(at == oldest || stream[at - 1] == '\n', "a line without its beginning");
}

static void happen(const uint8_t *data, size_t size)
{
	memset(&ring, 0, sizeof(ring));
	written = 0;
	for (int i = 0; i < STEPS_MAX && size >= 3; i++, data += 3, size -= 3) {
		switch (data[0] % 6) {
		case 0:
		case 1:
			write_output((size_t)data[1] * 64 + 1, data[2]);
			take_output();
			break;
		case 2:
			write_output((size_t)data[1] * 64 + 1, data[2]);
			die_reading(data[0] / 6 % 2 != 0);
			break;
		case 3:
			show((size_t)data[1] + 1, data[2] % 2 != 0);
			break;
		case 4:
			die_writing(
				(size_t)data[1] * 16, (size_t)data[2] * 16, data[0] / 6 % 2 != 0);
			break;
		default:
			check_last_lines(data[1]);
		}
	}
}

/* ---- anything ---------------------------------------------------------------------------------
 */

/* As output_read() and output_find_lines() do it. */
static void look(uint64_t lines)
{
	char copy[COPY_MAX];
	uint64_t oldest = log_ring_oldest(&ring), at = log_ring_last_lines(&ring, lines);

	require(at >= oldest && at <= ring.head, "lines that are not there");
	require(ring.head - oldest <= LOG_RING_KEPT, "more than a ring holds");
	log_ring_copy(&ring, at, copy, least(ring.head - at, sizeof(copy)));
}

static void take_over(void)
{
	char line[256];
	size_t len, count = 0;
	bool whole;

	log_ring_recover(&ring);
	while (log_ring_next_line(&ring, sizeof(line), true, &len, &whole)) {
		require(len <= sizeof(line), "a line that is too long");
		require(count++ <= LOG_RING_BYTES, "lines without end");
		log_ring_copy(&ring, ring.shown, line, len);
		ring.shown += len + whole;
	}
	require(ring.shown == ring.head, "not all is shown");
}

static void overwrite(const uint8_t *data, size_t size)
{
	size_t header = least(size, HEADER_SIZE);

	memset(&ring, 0, sizeof(ring));
	memcpy(&ring, data, header);
	for (size_t i = 0; size > header && i < LOG_RING_BYTES; i++)
		ring.bytes[i] = (char)data[header + i % (size - header)];
	look(size % 8);
	take_over();
	memcpy(&ring, data, header);
	log_ring_recover(&ring);
	log_ring_recover_write(&ring, size);
	write_output(1000, 7);
	while (log_ring_read(&ring, ends[0]) > 0)
		;
	take_over();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ends[1] == 0)
		require(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "no pipe");
	written = 0;
	if (size > 0 && data[0] % 2 == 0)
		happen(data + 1, size - 1);
	else if (size > 0)
		overwrite(data + 1, size - 1);
	return 0;
}
