/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/control.h"
#include "base/directory.h"
#include "base/file.h"
#include "mounts/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 256 /* directories inside each other */
#define OPAQUE    "trusted.overlay.opaque"

struct walk {
	int out;
	char path[PATH_MAX]; /* of what is looked at */
	size_t len;
	unsigned int depth;
};

/* A directory: what is changed, and what the image has there, or -1. */
struct layers {
	struct walk *walk;
	int upper, lower;
};

static int tell(struct walk *w, enum control_change kind, uint64_t size, const char *text)
{
	char record[PATH_MAX + 32];
	size_t len = buf_format(
		record, sizeof(record), "%c %llu %s", kind, (unsigned long long)size, text);

	return file_write_all(w->out, record, len + 1);
}

static int open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A directory that was removed and made again hides all that the image has in it. */
static bool is_opaque(int directory)
{
	char value = 0;

	return fgetxattr(directory, OPAQUE, &value, 1) == 1 && value == 'y';
}

/* Add a name to the path. Returns 0 or -ENAMETOOLONG. */
static int enter(struct walk *w, const char *name)
{
	size_t len = strlen(name);

	if (w->len + len + 2 > sizeof(w->path))
		return -ENAMETOOLONG;
	w->path[w->len] = '/';
	memcpy(w->path + w->len + 1, name, len + 1);
	w->len += len + 1;
	return 0;
}

static void leave(struct walk *w, size_t len)
{
	w->len = len;
	w->path[len] = '\0';
}

static int each_upper(void *arg, const char *name);

/* What an opaque directory hides, and has not got again. */
static int each_hidden(void *arg, const char *name)
{
	struct layers *l = arg;
	struct walk *w = l->walk;
	size_t len = w->len;
	struct stat st;
	int err;

	if (fstatat(l->upper, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	err = enter(w, name);
	if (err == 0)
		err = tell(w, CONTROL_CHANGE_DELETED, 0, w->path);
	leave(w, len);
	return err;
}

static int walk_directory(struct walk *w, int upper, int lower)
{
	struct layers l = { w, upper, lower };
	int err = ++w->depth > DEPTH_MAX ? -ELOOP : directory_each(upper, each_upper, &l);

	if (err == 0 && lower >= 0 && is_opaque(upper))
		err = directory_each(lower, each_hidden, &l);
	w->depth--;
	return err;
}

static int walk_into(const struct layers *l, const char *name, bool has_lower)
{
	int upper = open_directory(l->upper, name), err;
	int lower = has_lower ? open_directory(l->lower, name) : -1;

	err = upper < 0 ? -errno : walk_directory(l->walk, upper, lower);
	if (upper >= 0)
		close(upper);
	if (lower >= 0)
		close(lower);
	return err == -ENOENT ? 0 : err; /* it is gone meanwhile */
}

static bool has_same_owner_and_mode(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static int look(const struct layers *l, const char *name)
{
	struct walk *w = l->walk;
	struct stat st, below = { 0 };
	bool has_lower, is_directory;
	int err = 0;

	if (fstatat(l->upper, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	has_lower = l->lower >= 0 && fstatat(l->lower, name, &below, AT_SYMLINK_NOFOLLOW) == 0;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return has_lower ? tell(w, CONTROL_CHANGE_DELETED, 0, w->path) : 0;
	is_directory = S_ISDIR(st.st_mode);
	/* That something in it has changed makes no change of a directory. */
	if (!has_lower || !is_directory || !has_same_owner_and_mode(&st, &below))
		err = tell(w, has_lower ? CONTROL_CHANGE_MODIFIED : CONTROL_CHANGE_CREATED,
			S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, w->path);
	if (err == 0 && is_directory)
		err = walk_into(l, name, has_lower && S_ISDIR(below.st_mode));
	return err;
}

static int each_upper(void *arg, const char *name)
{
	struct layers *l = arg;
	size_t len = l->walk->len;
	int err = enter(l->walk, name);

	if (err == 0)
		err = look(l, name);
	if (err == 0)
		leave(l->walk, len); /* else the path says where it was */
	return err;
}

/* The directories that overlay.c may have mounted. */
static int each_overlay(void *arg, const char *name)
{
	static const char *const names[] = { "etc", "var", "home", "root" };
	struct layers *l = arg;
	size_t len = l->walk->len;
	char target[16];
	int err = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		buf_format(target, sizeof(target), "/%s", name);
		if (umount2(target, MNT_DETACH) != 0)
			return errno == EINVAL ? 0 : -errno; /* it was never mounted */
		err = enter(l->walk, name);
		if (err == 0)
			err = walk_into(l, name, true);
		if (err == 0)
			leave(l->walk, len);
	}
	return err;
}

void overlay_write_changes(int out)
{
	struct walk w = { .out = out };
	struct layers l = { .walk = &w, .upper = -1, .lower = -1 };
	char text[PATH_MAX + 128];
	int err = 0;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		err = -errno;
	if (err == 0)
		l.upper = open(OVERLAY_CHANGES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (err == 0)
		l.lower = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (err == 0 && (l.upper < 0 || l.lower < 0))
		err = -errno;
	if (err == 0)
		err = directory_each(l.upper, each_overlay, &l);
	buf_format(text, sizeof(text), "%s: %s", w.len > 0 ? w.path : OVERLAY_CHANGES,
		problem_errno_text(-err));
	(void)tell(&w, err == 0 ? CONTROL_CHANGE_END : CONTROL_CHANGE_FAILED, 0, text);
}
