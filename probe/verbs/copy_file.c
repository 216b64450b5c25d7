/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/file.h"
#include "base/sha256.h"
#include "probe/show/out.h"
#include "probe/show/text.h"
#include "probe/verbs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WINDOW    (8U << 20) /* bytes that are hashed at once: within a guest's time for it */
#define PAGE_UP   200000     /* bytes of a request, which has room for 1 MiB of JSON */
#define TRIES     3          /* of a page, when the connection breaks */
#define RETRY_NS  300000000
#define BAR_WIDTH 30

bool copy_failed(struct copy *c, const char *path, int error)
{
	failure_set(&c->guest.failure, FAILURE_SYSTEM, "%s: %s", path, problem_errno_text(error));
	return false;
}

/* ---- progress -------------------------------------------------------------------------------- */

void copy_show(struct copy *c, const struct copy_file *f, uint64_t done)
{
	int percent = f->size == 0 ? 100 : (int)(done * 100 / f->size);
	char bar[BAR_WIDTH + 1], name[200];
	struct buf b = BUF_OVER(name);

	if (!c->shows_progress || percent == c->percent)
		return;
	c->percent = percent;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i * 100 < percent * BAR_WIDTH ? '#' : ' ';
	bar[BAR_WIDTH] = '\0';
	buf_clear(&b);
	text_put_visible(&b, text_of(f->local), 40);
	out_printf(stderr, "\r%s [%s] %3d%% of %llu KiB%s", b.data, bar, percent,
		(unsigned long long)f->size / 1024, percent == 100 ? "\n" : "");
}

/* ---- the guest's side ------------------------------------------------------------------------ */

static bool is_broken(enum failure_kind kind)
{
	return kind == FAILURE_CLOSED || kind == FAILURE_TIMEOUT || kind == FAILURE_NO_LISTENER;
}

/* A question that may be asked once more: its answer is then the same. */
static bool ask(struct copy *c, enum message_kind request, const void *body,
	enum fs_result_kind want, struct answer *a)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };

	for (int i = 1;; i++) {
		if (guest_ask_fs(&c->guest, request, body, want, a))
			return true;
		if (i == TRIES || !is_broken(c->guest.failure.kind))
			return false;
		answer_free(a);
		c->guest.failure = (struct failure){ 0 };
		nanosleep(&pause, NULL);
	}
}

bool copy_stat(struct copy *c, const char *path, bool follow, struct answer *a)
{
	struct fs_path_request look = { .path = (char *)(uintptr_t)path,
		.follow_symlinks = follow };

	if (ask(c, REQUEST_FS_STAT, &look, FS_RESULT_STAT, a))
		return true;
	if (c->guest.failure.kind == FAILURE_ERROR_ANSWER && c->guest.error == FS_NOT_FOUND)
		c->guest.failure = (struct failure){ 0 };
	return false;
}

bool copy_set_attributes(struct copy *c, const char *path, unsigned int mode, int64_t modified_secs)
{
	struct fs_set_attributes_request r = { .path = (char *)(uintptr_t)path,
		.mode = mode & 07777,
		.has_mode = true,
		.modified_secs = modified_secs,
		.has_modified = true };
	struct answer a = { .kind = MESSAGE_KINDS };
	bool is_good = !c->knows_hash || ask(c, REQUEST_FS_SET_ATTRIBUTES, &r, FS_RESULT_STAT, &a);

	answer_free(&a);
	return is_good;
}

static bool put_in_place(struct copy *c, char *from, const char *to)
{
	struct fs_move_request r = { .from = from, .to = (char *)(uintptr_t)to };
	struct answer a;
	bool is_good = guest_ask_fs(&c->guest, REQUEST_FS_MOVE, &r, FS_RESULT_MOVE, &a);

	answer_free(&a);
	return is_good;
}

static void remove_part(struct copy *c, char *path)
{
	struct fs_remove_request r = { .path = path };
	struct failure cause = c->guest.failure;
	struct answer a;

	(void)guest_ask_fs(&c->guest, REQUEST_FS_REMOVE, &r, FS_RESULT_REMOVE, &a);
	answer_free(&a);
	c->guest.failure = cause;
}

/* ---- pages ----------------------------------------------------------------------------------- */

struct pages {
	struct copy *copy;
	const struct copy_file *file;
	int fd;           /* of this machine's file */
	const char *name; /* its path */
	char *guest;      /* path of the guest's */
};

/* Are the two equal from `offset` on? 1 or 0, or -1 after a failure. */
static int compare(const struct pages *p, uint64_t offset, uint64_t len)
{
	struct fs_hash_request r = { p->guest, offset, len };
	char bytes[GUEST_PAGE_MAX], hex[SHA256_HEX_MAX];
	struct sha256 s;
	struct answer a;
	int equal = -1;

	sha256_begin(&s);
	for (uint64_t at = 0; at < len;) {
		size_t want = len - at < sizeof(bytes) ? (size_t)(len - at) : sizeof(bytes);
		ssize_t n = file_read_up_to(p->fd, bytes, want, (off_t)(offset + at));

		if (n <= 0) {
			copy_failed(p->copy, p->name, n < 0 ? (int)-n : ESTALE);
			return -1;
		}
		sha256_add(&s, bytes, (size_t)n);
		at += (uint64_t)n;
	}
	sha256_end(&s, hex);
	if (ask(p->copy, REQUEST_FS_HASH, &r, FS_RESULT_HASH, &a))
		equal = a.body.fs.as.hash.bytes == len &&
			strcmp(a.body.fs.as.hash.sha256, hex) == 0;
	answer_free(&a);
	return equal;
}

/* Move one page. Returns its length, or 0 after a failure. */
static size_t page_up(const struct pages *p, uint64_t offset, size_t len)
{
	static char bytes[PAGE_UP];
	ssize_t n = file_read_up_to(p->fd, bytes, len, (off_t)offset);
	struct fs_write_request r = { .path = p->guest,
		.content = { bytes, n > 0 ? (size_t)n : 0 },
		.mode = 0600,
		.offset = offset,
		.has_offset = true };
	struct answer a;
	bool is_good;

	if (n < 0 || (size_t)n != len) {
		copy_failed(p->copy, p->name, n < 0 ? (int)-n : ESTALE);
		return 0;
	}
	is_good = ask(p->copy, REQUEST_FS_WRITE, &r, FS_RESULT_WRITE, &a);
	answer_free(&a);
	return is_good ? len : 0;
}

static size_t page_down(const struct pages *p, uint64_t offset, size_t len)
{
	struct fs_read_request r = { .path = p->guest,
		.offset = offset,
		.has_offset = true,
		.length = len < GUEST_PAGE_MAX ? len : GUEST_PAGE_MAX,
		.follow_symlinks = true };
	const struct field_bytes *page;
	struct answer a;
	size_t got = 0;
	int err = 0;

	if (ask(p->copy, REQUEST_FS_READ, &r, FS_RESULT_READ, &a)) {
		page = &a.body.fs.as.read.content;
		got = page->len;
		if (got == 0 || got > r.length)
			err = -ESTALE; /* it has become shorter */
		else if (lseek(p->fd, (off_t)offset, SEEK_SET) < 0)
			err = -errno;
		else
			err = file_write_all(p->fd, page->data, got);
	}
	answer_free(&a);
	if (err != 0)
		copy_failed(p->copy, err == -ESTALE ? p->guest : p->name, -err);
	return err == 0 ? got : 0;
}

/* Copy what is not there yet of one window, and compare it as a whole. */
static bool copy_window(const struct pages *p, uint64_t offset, uint64_t len, uint64_t have)
{
	struct copy *c = p->copy;
	uint64_t at = 0;
	int equal;

	if (have > 0 && c->knows_hash) {
		equal = compare(p, offset, have);
		if (equal < 0)
			return false;
		at = equal == 1 ? have : 0;
	}
	if (at == len && have == len)
		return true;
	while (at < len) {
		size_t want = len - at < PAGE_UP ? (size_t)(len - at) : PAGE_UP;
		size_t n =
			c->is_up ? page_up(p, offset + at, want) : page_down(p, offset + at, want);

		if (n == 0)
			return false;
		at += n;
		copy_show(c, p->file, offset + at);
	}
	equal = c->knows_hash ? compare(p, offset, len) : 1;
	if (equal == 0)
		failure_set(&c->guest.failure, FAILURE_SYSTEM,
			"%s: the copy differs: the file has changed meanwhile", p->file->local);
	return equal == 1;
}

/* `have` bytes are there from an attempt before. */
static bool copy_pages(const struct pages *p, uint64_t have)
{
	uint64_t size = p->file->size;

	p->copy->percent = -1;
	for (uint64_t at = 0; at < size; at += WINDOW) {
		uint64_t len = size - at < WINDOW ? size - at : WINDOW;
		uint64_t old = have > at ? have - at : 0;

		if (!copy_window(p, at, len, old < len ? old : len))
			return false;
	}
	copy_show(p->copy, p->file, size);
	return true;
}

/* ---- a file ---------------------------------------------------------------------------------- */

/* ".NAME.mvm-copy" beside the destination. */
static bool name_part(struct copy *c, const char *path, char part[PATH_MAX])
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	if (buf_format(part, PATH_MAX, "%.*s.%s" COPY_SUFFIX, (int)(name - path), path, name) <
		PATH_MAX)
		return true;
	return copy_failed(c, path, ENAMETOOLONG);
}

/* An empty page at the end makes an empty file, and cuts what an attempt before has behind it. */
static void end_pages(const struct pages *p, uint64_t have)
{
	if (p->file->size == 0 || have > p->file->size)
		(void)page_up(p, p->file->size, 0);
}

static bool send_pages(struct copy *c, const struct copy_file *f, int fd, char *part)
{
	struct pages p = { c, f, fd, f->local, part };
	uint64_t have = 0;
	struct answer a;

	if (copy_stat(c, part, false, &a))
		have = a.body.fs.as.stat.size;
	answer_free(&a);
	if (c->guest.failure.kind == FAILURE_NONE && copy_pages(&p, have))
		end_pages(&p, have);
	return c->guest.failure.kind == FAILURE_NONE &&
	       copy_set_attributes(c, part, f->mode, f->modified_secs);
}

bool copy_up(struct copy *c, const struct copy_file *f)
{
	char part[PATH_MAX];
	int fd = open(f->local, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is_good;

	if (fd < 0)
		return copy_failed(c, f->local, errno);
	is_good = name_part(c, f->guest, part) &&
		  (c->knows_hash ? send_pages(c, f, fd, part)
				 : copy_up_whole(c, fd, part, f->size, f->mode)) &&
		  put_in_place(c, part, f->guest);
	close(fd);
	/* What a broken connection has left is for the next attempt. */
	if (!is_good && !is_broken(c->guest.failure.kind))
		remove_part(c, part);
	return is_good;
}

static bool write_page(void *arg, const char *bytes, size_t len)
{
	const struct pages *p = arg;
	int err = len > 0 ? file_write_all(p->fd, bytes, len) : 0;

	return err == 0 || copy_failed(p->copy, p->name, -err);
}

static bool receive(const struct pages *p)
{
	const struct copy_file *f = p->file;
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)f->modified_secs } };
	struct stat st;

	if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 || fstat(p->fd, &st) != 0 ||
		ftruncate(p->fd, st.st_size < (off_t)f->size ? st.st_size : (off_t)f->size) != 0)
		return copy_failed(p->copy, p->name, errno);
	/* Files of /proc do not tell their size. */
	if (f->size == 0 ? !guest_read(&p->copy->guest, p->guest, write_page, (void *)(uintptr_t)p)
			 : !copy_pages(p, (uint64_t)st.st_size))
		return false;
	if (fchmod(p->fd, f->mode & 07777) != 0 || futimens(p->fd, times) != 0 ||
		fsync(p->fd) != 0 || rename(p->name, f->local) != 0)
		return copy_failed(p->copy, f->local, errno);
	return true;
}

bool copy_down(struct copy *c, const struct copy_file *f)
{
	char part[PATH_MAX];
	struct pages p = { c, f, -1, part, (char *)(uintptr_t)f->guest };
	bool is_good;

	if (!name_part(c, f->local, part))
		return false;
	p.fd = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p.fd < 0)
		return copy_failed(c, part, errno);
	is_good = receive(&p);
	if (!is_good && !is_broken(c->guest.failure.kind))
		unlink(part);
	close(p.fd);
	return is_good;
}
