/* SPDX-License-Identifier: MIT */
#include "supervisor/log_file.h"

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/log_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS_PART 512
#define ZEROS_MAX  65536 /* the largest block of a file system */

/* True for a program's names of its own output, and of PID 1's: the console is meant. */
static bool is_console(const char *path)
{
	static const char *const names[] = { "/dev/console", "/dev/stdout", "/dev/stderr",
		"/dev/fd/1", "/dev/fd/2", "/proc/1/fd/1", "/proc/1/fd/2", "/proc/self/fd/1",
		"/proc/self/fd/2", "/proc/thread-self/fd/1", "/proc/thread-self/fd/2" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return (a->st_dev == b->st_dev && a->st_ino == b->st_ino) ||
	       (S_ISCHR(a->st_mode) && S_ISCHR(b->st_mode) && a->st_rdev == b->st_rdev);
}

/*
 * True if `path` is a link to such a name, or over other links to the collector's own output, as in
 * /var/log of container images.
 */
static bool leads_to_console(const char *path)
{
	char target[COLLECTOR_PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	struct stat there, console;

	if (n < 0)
		return false;
	target[n] = '\0';
	return is_console(target) ||
	       (stat(path, &there) == 0 && fstat(STDOUT_FILENO, &console) == 0 &&
		       is_same_file(&there, &console));
}

/* Names that say the same: "//" and "/./" are "/". */
static void shorten(char *path)
{
	char *out = path;

	for (const char *at = path; *at != '\0'; at++) {
		if (at[0] == '/' && at[1] == '/')
			continue;
		if (at[0] == '/' && at[1] == '.' && at[2] == '/') {
			at++;
			continue;
		}
		*out++ = *at;
	}
	*out = '\0';
}

void log_file_init(struct log_file *f, const struct collector_message *m)
{
	*f = (struct log_file){
		.fd = -1, .max_size = m->log_max_size, .keep = m->log_keep, .group = m->group
	};
	memcpy(f->path, m->log_file, sizeof(f->path));
	f->path[sizeof(f->path) - 1] = '\0';
	shorten(f->path);
	if (is_console(f->path))
		f->path[0] = '\0';
}

/* The link may have been made since, as by the service's pre_start. */
bool log_file_is_used(struct log_file *f)
{
	if (f->fd < 0 && f->path[0] != '\0' && leads_to_console(f->path))
		f->path[0] = '\0';
	return f->path[0] != '\0';
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static int open_checked(int directory, const char *name, gid_t group)
{
	int fd = openat(directory, name,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		0640);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		err = -EINVAL;
	else if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		err = -EMLINK; /* the other name may be a file that only root may write to */
	if (err != 0) {
		close(fd);
		return err;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0 && st.st_gid != group)
		(void)!fchown(fd, (uid_t)-1, group);
	fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

/*
 * Open a log file for appending, with its directories; a new one gets mode 0640 and `group`.
 * A symbolic link as the last component is refused: it could lead root to another file.
 * Returns the descriptor, or -errno with `p`.
 */
static int open_with_directories(const char *path, gid_t group, struct problem *p)
{
	const char *name;
	int directory = log_directory_open(path, true, &name, p), fd;

	if (directory < 0)
		return directory;
	fd = open_checked(directory, name, group);
	close(directory);
	return fd < 0 ? problem_set(p, -fd, "log_file %s", path) : fd;
}

/* True if the open file still has its name. If it was moved or removed, a new one is begun. */
static bool is_still_there(struct log_file *f)
{
	struct stat here, there;

	if (fstat(f->fd, &here) != 0 || lstat(f->path, &there) != 0 ||
		here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return false;
	f->size = (uint64_t)here.st_size; /* somebody may have emptied it */
	return true;
}

static int open_file(struct log_file *f, struct problem *p)
{
	struct stat st;

	if (f->fd < 0 || !is_still_there(f)) {
		log_file_close(f);
		f->fd = open_with_directories(f->path, f->group, p);
		if (f->fd < 0)
			return f->fd;
		f->size = fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
		f->is_new_here = true;
	}
	f->cut &= f->size > 0;
	return 0;
}

static int rotate_in(int directory, const char *name, uint32_t keep)
{
	char from[COLLECTOR_PATH_MAX + 12], to[COLLECTOR_PATH_MAX + 12];
	int err = 0;

	for (uint32_t i = keep; i > 0; i--) {
		buf_format(to, sizeof(to), "%s.%u", name, i);
		if (i > 1)
			buf_format(from, sizeof(from), "%s.%u", name, i - 1);
		else
			buf_format(from, sizeof(from), "%s", name);
		err = renameat(directory, from, directory, to) != 0 ? -errno : 0;
	}
	if (keep == 0)
		err = unlinkat(directory, name, 0) != 0 ? -errno : 0;
	return err;
}

/* Returns 0 or -errno; then the file stays where it is. */
static int rotate(struct log_file *f)
{
	const char *name;
	struct problem p;
	int directory = log_directory_open(f->path, false, &name, &p);
	int err = directory < 0 ? directory : rotate_in(directory, name, f->keep);

	if (directory >= 0)
		close(directory);
	log_file_close(f);
	return err;
}

/* Copy whole lines if possible, so that a rotated file ends with one. */
static size_t next_part(struct log_ring *ring, char *out, size_t size)
{
	uint64_t left;
	size_t len, lines;

	if (!log_ring_has(ring, ring->shown)) {
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

/*
 * Bytes of the lines that fit into the file. An empty file takes the first line, however long; one
 * that ends in the middle of a line takes the rest of it, up to LOG_RING_CHUNK bytes too many.
 */
static size_t fitting(const struct log_file *f, const char *part, size_t len)
{
	uint64_t room = f->max_size > f->size ? f->max_size - f->size : 0;
	bool goes_on = f->size == 0 || (f->open && f->size < f->max_size + LOG_RING_CHUNK);
	size_t fits = 0;

	if (f->max_size == 0 || len <= room)
		return len;
	for (size_t i = 0; i < len; i++)
		if (part[i] == '\n' && (i + 1 <= room || (goes_on && fits == 0)))
			fits = i + 1;
	return fits == 0 && goes_on ? len : fits;
}

/* Log a problem when it begins, and the bytes lost when it is over. */
static void say(struct log_file *f, const char *name, const struct problem *p)
{
	if (!f->failing)
		log_line("%s: %s: output is lost", name, p->text);
	f->failing = true;
}

static void say_it_is_over(struct log_file *f, const char *name)
{
	if (f->failing)
		log_line("%s: log_file %s: writing again, %llu bytes were lost", name, f->path,
			(unsigned long long)f->lost);
	f->failing = false;
	f->lost = 0;
}

/* A file that cannot be renamed keeps growing: better than losing lines. */
static void make_room(struct log_file *f, const char *name)
{
	int err = rotate(f);

	if (err != 0 && !f->stuck)
		log_line("%s: log_file %s cannot be rotated and keeps growing: %s", name, f->path,
			problem_errno_text(-err));
	f->stuck = err != 0;
}

/* True if what the file got from the ring last is the middle of a line, or is not known. */
static bool is_within_line(const struct log_ring *ring)
{
	char last = '\n';

	if (ring->shown == 0)
		return false;
	if (!log_ring_has(ring, ring->shown - 1))
		return true;
	log_ring_copy(ring, ring->shown - 1, &last, 1);
	return last != '\n';
}

static bool read_at(int fd, uint64_t at, char *out, size_t len)
{
	return lseek(fd, (off_t)at, SEEK_SET) >= 0 && read(fd, out, len) == (ssize_t)len;
}

/*
 * After a power failure a file may end with zeros: the file system had noted the new size, but had
 * not written the bytes. `fd` can read the file.
 */
static void drop_zeros(struct log_file *f, int fd)
{
	char part[ZEROS_PART];
	uint64_t end = f->size;
	size_t len = 0;

	while (len == 0 && end > 0 && f->size - end < ZEROS_MAX) {
		len = end < sizeof(part) ? (size_t)end : sizeof(part);
		end -= len;
		if (!read_at(fd, end, part, len))
			return;
		while (len > 0 && part[len - 1] == '\0')
			len--;
	}
	end += len;
	if (end < f->size && ftruncate(f->fd, (off_t)end) == 0)
		f->size = end;
}

/* How the file ends that was opened: a collector before this one may have written to it. */
static void look_at_end(struct log_file *f, const struct log_ring *ring)
{
	char path[32], last = '\n';
	int fd;

	f->is_new_here = f->open = false;
	buf_format(path, sizeof(path), "/proc/self/fd/%d", f->fd); /* it was opened for writing */
	fd = f->size > 0 ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	if (ring->shown == 0)
		drop_zeros(f, fd);
	f->open = f->size > 0 && read_at(fd, f->size - 1, &last, 1) && last != '\n';
	f->cut |= f->open && !is_within_line(ring);
	close(fd);
}

static int open_at_end(struct log_file *f, const struct log_ring *ring, struct problem *p)
{
	int err = open_file(f, p);

	if (err == 0 && f->is_new_here)
		look_at_end(f, ring);
	return err;
}

/* A line that was cut off gets its newline when there is room again. Returns 0 or -errno. */
static int end_cut_line(struct log_file *f)
{
	if (!f->cut)
		return 0;
	if (write(f->fd, "\n", 1) != 1)
		return -errno;
	f->cut = f->open = false;
	f->size++;
	return 0;
}

/* Write as much as possible. */
static int write_part(struct log_file *f, const char *part, size_t len, size_t *done)
{
	while (*done < len) {
		ssize_t n = write(f->fd, part + *done, len - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			f->cut = f->open;
			return -errno;
		}
		*done += (size_t)n;
		f->open = part[*done - 1] != '\n';
	}
	return 0;
}

/* Returns 0, or -errno with `p`. `len` becomes the bytes written or given up. */
static int append_part(struct log_file *f, const char *name, struct log_ring *ring,
	const char *part, size_t *len, struct problem *p)
{
	size_t done = 0;
	int err = open_at_end(f, ring, p);

	if (err == 0 && fitting(f, part, *len) == 0) {
		make_room(f, name);
		err = open_at_end(f, ring, p);
	}
	if (err == 0) {
		if (!f->stuck)
			*len = fitting(f, part, *len);
		err = end_cut_line(f);
		log_ring_begin_write(ring, *len, f->size);
		if (err == 0)
			err = write_part(f, part, *len, &done);
		if (err != 0)
			problem_set(p, -err, "log_file %s", f->path);
	}
	f->size += done;
	f->lost += *len - done;
	return err;
}

static void recover(struct log_file *f, struct log_ring *ring)
{
	struct problem p;

	if (ring->writing > 0)
		log_ring_recover_write(ring, open_file(f, &p) == 0 ? f->size : 0);
}

void log_file_append(struct log_file *f, const char *name, struct log_ring *ring)
{
	char part[LOG_RING_CHUNK];
	struct problem p;
	size_t len;

	recover(f, ring);
	while ((len = next_part(ring, part, sizeof(part))) > 0) {
		if (append_part(f, name, ring, part, &len, &p) != 0)
			say(f, name, &p);
		else
			say_it_is_over(f, name);
		log_ring_end_write(ring, len);
	}
}
