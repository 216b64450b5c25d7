/* SPDX-License-Identifier: MIT */
#include "supervisor/log_file.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/log_open.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_file_init(struct log_file *f, const struct collector_message *m)
{
	*f = (struct log_file){
		.fd = -1, .max_size = m->log_max_size, .keep = m->log_keep, .group = m->group
	};
	memcpy(f->path, m->log_file, sizeof(f->path));
	f->path[sizeof(f->path) - 1] = '\0';
}

bool log_file_is_used(const struct log_file *f)
{
	return f->path[0] != '\0';
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* A file that somebody has moved or removed is left, and a new one begun. */
static bool is_still_there(const struct log_file *f)
{
	struct stat here, there;

	return fstat(f->fd, &here) == 0 && lstat(f->path, &there) == 0 &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

static int open_file(struct log_file *f, struct problem *p)
{
	struct stat st;

	if (f->fd >= 0 && is_still_there(f))
		return 0;
	log_file_close(f);
	f->fd = log_open_file(f->path, f->group, p);
	if (f->fd < 0)
		return f->fd;
	f->size = fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

static void rotate(struct log_file *f)
{
	char from[COLLECTOR_PATH_MAX + 12], to[COLLECTOR_PATH_MAX + 12];

	for (uint32_t i = f->keep; i > 0; i--) {
		buf_format(to, sizeof(to), "%s.%u", f->path, i);
		if (i > 1)
			buf_format(from, sizeof(from), "%s.%u", f->path, i - 1);
		else
			buf_format(from, sizeof(from), "%s", f->path);
		rename(from, to);
	}
	if (f->keep == 0)
		unlink(f->path);
	log_file_close(f);
}

/* Whole lines as far as there are, so that a rotated file ends with one. */
static size_t next_part(struct log_ring *ring, char *out, size_t size)
{
	uint64_t left;
	size_t len, lines;

	if (ring->shown < log_ring_oldest(ring)) {
		ring->shown = log_ring_oldest(ring);
		ring->dropped++;
	}
	left = ring->head - ring->shown;
	len = left < size ? (size_t)left : size;
	log_ring_copy(ring, ring->shown, out, len);
	for (lines = len; lines > 0 && out[lines - 1] != '\n'; lines--)
		;
	return lines > 0 ? lines : len;
}

/* As many of the part's lines as the file has room for; the first one goes into an empty file,
 * however long it is. */
static size_t fitting(const struct log_file *f, const char *part, size_t len)
{
	uint64_t room = f->max_size > f->size ? f->max_size - f->size : 0;
	size_t fits = 0;

	if (f->max_size == 0 || len <= room)
		return len;
	for (size_t i = 0; i < len; i++)
		if (part[i] == '\n' && (i + 1 <= room || (f->size == 0 && fits == 0)))
			fits = i + 1;
	return fits == 0 && f->size == 0 ? len : fits;
}

static void say(struct log_file *f, const char *name, const struct problem *p)
{
	if (!f->failing)
		log_line("%s: %s: output is lost", name, p->text);
	f->failing = true;
}

void log_file_append(struct log_file *f, const char *name, struct log_ring *ring)
{
	char part[LOG_RING_CHUNK];
	struct problem p;
	size_t len;

	while ((len = next_part(ring, part, sizeof(part))) > 0) {
		int err = open_file(f, &p);

		if (err == 0 && fitting(f, part, len) == 0) {
			rotate(f);
			err = open_file(f, &p);
		}
		if (err == 0)
			len = fitting(f, part, len);
		if (err == 0) {
			err = file_write_all(f->fd, part, len);
			if (err != 0)
				problem_set(&p, -err, "log_file %s", f->path);
		}
		if (err != 0)
			say(f, name, &p);
		else
			f->failing = false;
		f->size += len;
		ring->shown += len;
	}
}
