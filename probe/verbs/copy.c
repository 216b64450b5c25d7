/* SPDX-License-Identifier: MIT */
/*
 * cp: files and directories from this machine to a guest, or back. What a symbolic link leads to is
 * copied when that is a file; a link to a directory inside another is left out, since it may lead
 * back to where it is.
 */
#include "probe/verbs/copy.h"

#include "base/buf.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/show/text.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 100 /* directories inside each other */

/* Tell of a part that is left out; the rest is copied. */
static bool leave_out(struct copy *c, const char *path, const char *why)
{
	struct failure f = { 0 };

	failure_set(&f, FAILURE_SYSTEM, "%s: left out: %s", path, why);
	output_error(&c->guest.reach.target, &f);
	c->has_failed_part = true;
	return true;
}

/* A failure of one part, unless nothing more can come of the rest. */
static bool go_on(struct copy *c)
{
	struct failure *f = &c->guest.failure;

	if (f->kind != FAILURE_ERROR_ANSWER && f->kind != FAILURE_SYSTEM)
		return f->kind == FAILURE_NONE;
	output_error(&c->guest.reach.target, f);
	*f = (struct failure){ 0 };
	c->has_failed_part = true;
	return true;
}

static bool join(struct copy *c, char *out, const char *directory, const char *name)
{
	const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";

	if (buf_format(out, PATH_MAX, "%s%s%s", directory, slash, name) < PATH_MAX)
		return true;
	return copy_failed(c, directory, ENAMETOOLONG);
}

/* The name that a copy of `path` has in a directory. */
static const char *base_name(char *path)
{
	size_t len = strlen(path);
	const char *slash;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* ---- to the guest ---------------------------------------------------------------------------- */

static bool tree_up(struct copy *c, const char *local, const char *guest, int depth);

static bool make_guest_directory(struct copy *c, const char *path)
{
	struct fs_mkdir_request r = {
		.path = (char *)(uintptr_t)path, .mode = 0700, .parents = true
	};
	struct answer a;
	bool is_good = guest_ask_fs(&c->guest, REQUEST_FS_MKDIR, &r, FS_RESULT_MKDIR, &a);

	answer_free(&a);
	return is_good;
}

static bool each_up(struct copy *c, const char *local, const char *guest, int depth)
{
	char from[PATH_MAX], to[PATH_MAX];
	DIR *directory = opendir(local);
	struct dirent *entry;
	bool is_good = true;

	if (directory == NULL)
		return copy_failed(c, local, errno);
	while (is_good && (entry = readdir(directory)) != NULL) {
		const char *name = entry->d_name;
		struct stat st;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		is_good = join(c, from, local, name) && join(c, to, guest, name);
		if (is_good && lstat(from, &st) == 0 && S_ISLNK(st.st_mode) &&
			(stat(from, &st) != 0 || S_ISDIR(st.st_mode)))
			leave_out(c, from, "a symbolic link to no file");
		else if (!is_good || !tree_up(c, from, to, depth))
			is_good = go_on(c);
	}
	closedir(directory);
	return is_good;
}

static bool tree_up(struct copy *c, const char *local, const char *guest, int depth)
{
	struct copy_file f = { .local = local, .guest = guest };
	struct stat st;

	if (stat(local, &st) != 0)
		return copy_failed(c, local, errno);
	f.size = (uint64_t)st.st_size;
	f.mode = st.st_mode;
	f.modified_secs = st.st_mtime;
	if (S_ISREG(st.st_mode))
		return copy_up(c, &f);
	if (!S_ISDIR(st.st_mode))
		return leave_out(c, local, "neither a file nor a directory");
	if (depth == DEPTH_MAX)
		return copy_failed(c, local, ELOOP);
	return make_guest_directory(c, guest) && each_up(c, local, guest, depth + 1) &&
	       copy_set_attributes(c, guest, f.mode, f.modified_secs);
}

/* ---- from the guest -------------------------------------------------------------------------- */

/* "2026-05-01T10:00:00Z" as seconds since 1970; 0 when it is something else. */
static int64_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	int *const parts[] = { &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		&tm.tm_sec };
	char *at = (char *)(uintptr_t)text;

	for (int i = 0; at != NULL && i < 6; i++) {
		*parts[i] = (int)strtol(at, &at, 10);
		if (*at == '\0')
			return 0;
		at++;
	}
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return at != NULL ? timegm(&tm) : 0;
}

static bool tree_down(
	struct copy *c, const char *guest, const char *local, bool is_link, int depth);

static bool each_down(struct copy *c, const char *guest, const char *local, int depth)
{
	struct fs_path_request r = { .path = (char *)(uintptr_t)guest, .follow_symlinks = true };
	char from[PATH_MAX], to[PATH_MAX];
	struct answer a;
	bool is_good = guest_ask_fs(&c->guest, REQUEST_FS_LIST, &r, FS_RESULT_LIST, &a);
	const struct fs_listing *l = &a.body.fs.as.list;
	const struct fs_entry *entries = l->entries.items;

	for (size_t i = 0; is_good && i < l->entries.count; i++) {
		const char *name = entries[i].name;

		/* A guest must not lead out of the directory. */
		if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
			strcmp(name, "..") == 0)
			is_good = guest_refused(&c->guest, "a name in its listing is none");
		else
			is_good = join(c, from, guest, name) && join(c, to, local, name) &&
				  tree_down(c, from, to, entries[i].kind == FS_KIND_SYMLINK, depth);
		if (!is_good)
			is_good = go_on(c);
	}
	if (is_good && l->truncated)
		leave_out(c, guest, "it has more entries than a guest lists");
	answer_free(&a);
	return is_good;
}

static bool directory_down(struct copy *c, const struct copy_file *f, int depth)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)f->modified_secs } };

	if (depth == DEPTH_MAX)
		return copy_failed(c, f->local, ELOOP);
	if (mkdir(f->local, 0700) != 0 && errno != EEXIST)
		return copy_failed(c, f->local, errno);
	if (!each_down(c, f->guest, f->local, depth + 1))
		return false;
	if (chmod(f->local, f->mode & 07777) != 0 || utimensat(AT_FDCWD, f->local, times, 0) != 0)
		return copy_failed(c, f->local, errno);
	return true;
}

/* `is_link`: a symbolic link inside of what is copied. */
static bool tree_down(struct copy *c, const char *guest, const char *local, bool is_link, int depth)
{
	struct copy_file f = { .local = local, .guest = guest };
	enum fs_file_kind kind = FS_KIND_OTHER;
	struct answer a;
	bool is_good = copy_stat(c, guest, true, &a);

	if (is_good) {
		const struct fs_status *st = &a.body.fs.as.stat;

		kind = st->kind;
		f.size = st->size;
		f.mode = (unsigned int)st->mode;
		f.modified_secs = st->mtime != NULL ? parse_time(st->mtime) : 0;
	}
	answer_free(&a);
	if (!is_good && c->guest.failure.kind == FAILURE_NONE && !is_link)
		return copy_failed(c, guest, ENOENT);
	if (c->guest.failure.kind != FAILURE_NONE)
		return false;
	if (kind == FS_KIND_FILE)
		return copy_down(c, &f);
	if (is_link)
		return leave_out(c, guest, "a symbolic link to no file");
	if (kind != FS_KIND_DIR)
		return leave_out(c, guest, "neither a file nor a directory");
	return directory_down(c, &f, depth);
}

/* ---- the verb -------------------------------------------------------------------------------- */

/* Split "TARGET:/PATH"; NULL for a file of this machine. `word` becomes the target. */
static char *split(char *word)
{
	char *at = text_find(word, strlen(word), ":/");

	if (at == NULL)
		return NULL;
	*at = '\0';
	return at + 1;
}

/* Agents of ours say so. An agent of mvm closes the connection over the question. */
static bool knows_hash(struct copy *c)
{
	const struct field_list *names;
	struct answer a;
	bool found = false;

	if (guest_ask(&c->guest, REQUEST_HELLO, NULL, ANSWER_HELLO, &a)) {
		names = &a.body.hello.requests;
		for (size_t i = 0; i < names->count; i++)
			found = found || strcmp(((char **)names->items)[i],
						 message_name(REQUEST_FS_HASH)) == 0;
	}
	answer_free(&a);
	if (c->guest.failure.kind == FAILURE_CLOSED ||
		c->guest.failure.kind == FAILURE_ERROR_ANSWER)
		c->guest.failure = (struct failure){ 0 };
	return found;
}

/* The path without symbolic links of a guest's file: "" when it is absent. False after a failure.
 */
static bool find_real(struct copy *c, const char *path, char *real, bool *is_directory)
{
	struct answer a;
	bool exists = copy_stat(c, path, true, &a);

	*is_directory = exists && a.body.fs.as.stat.kind == FS_KIND_DIR;
	buf_format(real, PATH_MAX, "%s", exists ? a.body.fs.as.stat.canonical_path : "");
	answer_free(&a);
	return c->guest.failure.kind == FAILURE_NONE;
}

/* A destination that is a directory gets the copy into it. Symbolic links are followed here, and
 * none that comes into the way later. */
static bool destination_there(struct copy *c, char *path, const char *name, char *to)
{
	char real[PATH_MAX], parent[PATH_MAX];
	bool is_directory;
	const char *base;

	if (!find_real(c, path, real, &is_directory))
		return false;
	if (is_directory)
		return join(c, to, real, name);
	if (real[0] != '\0') {
		buf_format(to, PATH_MAX, "%s", real);
		return true;
	}
	base = base_name(path);
	buf_format(parent, sizeof(parent), "%.*s", (int)(base - path), path);
	if (!find_real(c, parent, real, &is_directory))
		return false;
	return real[0] != '\0' ? join(c, to, real, base) : copy_failed(c, parent, ENOENT);
}

static bool destination_here(struct copy *c, const char *path, const char *name, char *to)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return join(c, to, path, name);
	buf_format(to, PATH_MAX, "%s", realpath(path, real) != NULL ? real : path);
	return true;
}

static void copy(struct copy *c, char *from, char *to)
{
	const char *name = base_name(from);
	char path[PATH_MAX];

	c->knows_hash = knows_hash(c);
	c->shows_progress = isatty(STDERR_FILENO) == 1;
	if (c->guest.failure.kind != FAILURE_NONE)
		return;
	if (c->is_up)
		(void)(destination_there(c, to, name, path) && tree_up(c, from, path, 0));
	else
		(void)(destination_here(c, to, name, path) && tree_down(c, from, path, false, 0));
}

int verb_cp(const struct options *o)
{
	char *from = memory_copy(o->target_words[0], strlen(o->target_words[0]));
	char *to = memory_copy(o->target_words[1], strlen(o->target_words[1]));
	char *guest_from = split(from), *guest_to = split(to);
	struct copy c = { .is_up = guest_to != NULL };
	struct target t = { 0 };
	struct problem p;
	int status = EXIT_USAGE;

	if ((guest_from == NULL) == (guest_to == NULL)) {
		out_printf(stderr, "mvm-probe: cp needs one TARGET:/PATH\n");
	} else if (target_parse(&t, c.is_up ? to : from, o->port, &p) != 0) {
		out_printf(stderr, "mvm-probe: %s\n", p.text);
	} else {
		if (guest_files_begin(&c.guest, &t, o, "filesystem_rpc"))
			copy(&c, c.is_up ? from : guest_from, c.is_up ? guest_to : to);
		status = guest_files_end(&c.guest);
		if (status == EXIT_HEALTHY && c.has_failed_part)
			status = EXIT_UNHEALTHY;
	}
	target_free(&t);
	free(from);
	free(to);
	return status;
}
